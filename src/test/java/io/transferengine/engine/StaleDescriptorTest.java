// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.metrics.Counter;
import io.transferengine.metrics.FailureCause;
import io.transferengine.metrics.recording.EngineMetrics;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferException;
import io.transferengine.transfer.TransferRequest;
import io.transferengine.transfer.TransferState;
import io.transferengine.transport.PeerAddress;
import io.transferengine.transport.RequestSink;
import io.transferengine.transport.TransferTask;
import io.transferengine.wire.BufferDescriptor;
import io.transferengine.wire.SegmentDescriptor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.net.InetAddress;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A request that was refused for an old key: one look at the peer, one repeat, and no more. */
@Timeout(60)
class StaleDescriptorTest {
  private static final String PEER = "10.0.0.2:15123";
  private static final long REMOTE = 1L << 40;

  private final EngineMetrics metrics = new EngineMetrics();
  private int lookUps;
  private int submitted;
  private int refusals;

  private final SegmentCache segments =
      new SegmentCache(
          (name, timeout) -> {
            lookUps++;
            return RemoteSegment.of(
                PEER,
                new PeerAddress(
                    SegmentDescriptor.builder(PEER, SegmentDescriptor.RDMA)
                        .buffers(List.of(new BufferDescriptor("peer", REMOTE, 1 << 20)))
                        .build(),
                    List.of(InetAddress.getLoopbackAddress())),
                List.of(new Refusing()));
          },
          Runnable::run,
          false);

  /** Refuses some tasks as a device does whose peer has made new keys, then does what is asked. */
  private final class Refusing extends HeldTransport
      implements RequestSink<TransferTask>, TransferTask.Owner {
    private int requests;
    private long bytes;

    @Override
    public void submit(PeerAddress peer, TransferTask task) {
      submitted++;
      task.setOwner(this);
      int claimed = task.claim(this, 1, Long.MAX_VALUE, Long.MAX_VALUE);
      assertThat(claimed).isEqualTo(1);
      if (refusals-- > 0) {
        task.failed(
            new TransferException(ErrorCode.ADDRESS_NOT_REGISTERED, "REMOTE_ACCESS_ERROR", ""),
            FailureCause.STALE_DESCRIPTOR);
      } else {
        task.completed(requests, bytes);
      }
      requests = 0;
      bytes = 0;
    }

    @Override
    public void cancelRequests(TransferTask task) {}

    @Override
    public void cutOff(TransferTask task) {}

    @Override
    public long lengthLimit(TransferTask task, long localAddress, long remoteAddress, long wanted) {
      return wanted;
    }

    @Override
    public void request(
        TransferTask task, int block, long local, long remote, long length, boolean unmerged) {
      requests++;
      bytes += length;
    }

    @Override
    public String name() {
      return SegmentDescriptor.RDMA;
    }
  }

  private TransferState transfer() throws Exception {
    LocalMemory memory = new LocalMemory(1 << 20, new IdleUsers());
    ActiveTransfers active =
        TestTransfers.of(
            memory, segments, metrics, Optional.empty(), Runnable::run, (name, notification) -> {});
    try (Arena arena = Arena.ofShared()) {
      MemorySegment here = arena.allocate(4096);
      var _ = memory.register(here.address(), 4096, "cpu:0");
      TransferState end =
          active
              .submit(
                  TransferRequest.of(
                      Operation.READ, PEER, BlockColumns.of(here.address(), REMOTE, 4096)))
              .await(Duration.ofSeconds(10));
      memory.unregister(here.address());
      return end;
    }
  }

  private long repeated() {
    return metrics.snapshot().counters().getOrDefault(Counter.STALE_DESCRIPTORS_REPEATED, 0L);
  }

  @Test
  void anOldKeyIsRefreshedAndTheTransferRepeatedOnce() throws Exception {
    assertThat(transfer()).isEqualTo(TransferState.COMPLETED);
    refusals = 1;
    assertThat(transfer()).isEqualTo(TransferState.COMPLETED);
    assertThat(lookUps).isEqualTo(2);
    assertThat(submitted).isEqualTo(3);
    assertThat(repeated()).isEqualTo(1);
  }

  /** The peer may have made new keys since this very transfer asked it. */
  @Test
  void aKeyThatGrewOldDuringTheTransferIsRefreshedToo() throws Exception {
    refusals = 1;
    assertThat(transfer()).isEqualTo(TransferState.COMPLETED);
    assertThat(lookUps).isEqualTo(2);
    assertThat(repeated()).isEqualTo(1);
  }

  @Test
  void aKeyThatIsRefusedTwiceIsAFailure() throws Exception {
    refusals = Integer.MAX_VALUE;
    assertThat(transfer()).isEqualTo(TransferState.FAILED);
    assertThat(lookUps).isEqualTo(2);
    assertThat(submitted).isEqualTo(2);
    assertThat(repeated()).isEqualTo(1);
  }
}
