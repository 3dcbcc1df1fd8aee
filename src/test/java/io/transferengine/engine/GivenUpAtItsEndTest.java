// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.memory.Region;
import io.transferengine.memory.RegionTable;
import io.transferengine.metrics.FailureCause;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferException;
import io.transferengine.transfer.TransferRequest;
import io.transferengine.transfer.TransferState;
import io.transferengine.transport.TransferTask;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A transfer is given up by force at the moment at which its last request is settled. */
@Timeout(60)
class GivenUpAtItsEndTest implements TransferHandle.Owner {
  private final TransferException why = new TransferException(ErrorCode.SOCKET, "test", "");
  private final Region region = new RegionTable().register(0x1000, 4096, "*");
  private final HeldTransport transport = new HeldTransport();
  private final RemoteSegment peer = transport.segment("127.0.0.1:1");
  private int ends;
  private int settledLate;
  private @Nullable TransferHandle handle;

  private TransferHandle handle() {
    return Objects.requireNonNull(handle);
  }

  /** The second moment: the work has ended, and what was known of the peer is dropped. */
  @Override
  public void dropSegment(RemoteSegment failed, boolean outdated) {
    assertThat(handle().abandon()).isTrue();
    handle().finish(TransferState.FAILED, why, FailureCause.OTHER);
  }

  @Override
  public void resolve(TransferHandle same) {
    same.begin(peer, true);
  }

  @Override
  public void repeatsForStaleDescriptor() {}

  @Override
  public void ended(TransferHandle same, TransferState state, @Nullable FailureCause cause) {
    ends++;
  }

  @Override
  public void completeLater(TransferHandle same, CompletableFuture<Void> future) {}

  @Override
  public void settledLate(TransferHandle same) {
    settledLate++;
  }

  /** With the last two causes it might be repeated. */
  @ParameterizedTest
  @EnumSource(names = {"CONNECTION_LOST", "CONNECT", "STALE_DESCRIPTOR"})
  void itEndsOnceAndItsMemoryIsLetGo(FailureCause cause) throws Exception {
    assertThat(region.acquire()).isTrue();
    handle =
        new TransferHandle(
            this,
            TransferRequest.of(Operation.WRITE, "127.0.0.1:1", BlockColumns.of(0x1000, 0x1000, 16)),
            region,
            Long.MAX_VALUE / 2,
            null,
            null);
    handle().begin(peer, true);
    TransferTask task = transport.tasks.take();
    task.end(TransferState.FAILED, why, cause);
    assertThat(ends).isOne();
    assertThat(handle().state()).isEqualTo(TransferState.FAILED);
    assertThat(region.inFlight()).isZero();
    assertThat(settledLate).isOne();
    assertThat(transport.tasks).isEmpty();
  }
}
