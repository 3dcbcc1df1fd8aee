// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import io.transferengine.access.AccessRights;
import io.transferengine.device.Devices;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * The calls about memory of devices by their status: on most machines there is no driver, which is
 * a status with a reason, and never more. What they do with devices is tested below them.
 */
@Timeout(60)
class DeviceCallsTest {
  private static final boolean NONE = Devices.unavailabilityCause().isPresent();

  @Test
  void withoutAnEngineTheyFail() {
    try (TransferEngine engine = new TransferEngine()) {
      assertThat(engine.allocateManagedBuffer(1, "cuda:0")).isZero();
      assertThat(engine.transferWriteOnCuda("a:1", 1, 1, 1, 0)).isEqualTo(-1);
      assertThat(engine.transferReadOnCuda("a:1", 1, 1, 1, 0)).isEqualTo(-1);
      long[] one = {1};
      assertThat(engine.batchTransferWriteOnCuda("a:1", one, one, one, 0)).isEqualTo(-1);
      assertThat(engine.batchTransferReadOnCuda("a:1", one, one, one, 0)).isEqualTo(-1);
    }
  }

  @Test
  void withoutADriverTheyAreStatusesAndHostMemoryWorks() {
    try (TransferEngine engine = new TransferEngine()) {
      assertThat(engine.initialize("127.0.0.1", "P2PHANDSHAKE", "tcp", "")).isZero();
      String self = "127.0.0.1:" + engine.getRpcPort();
      long host = engine.allocateManagedBuffer(4096, "*");
      assertThat(host).isNotZero();
      assertThat(engine.allocateManagedBuffer(4096, "cuda:0") == 0).isEqualTo(NONE);
      assertThat(engine.allocateManagedBuffer(4096, "cuda:x")).isZero();
      assertThat(engine.allocateManagedBuffer(0, "cuda:0")).isZero();
      assertThat(engine.transferWriteOnCuda(self, host, host + 100, 100, 0) < 0).isEqualTo(NONE);
      assertThat(engine.transferWriteOnCuda("", host, host + 100, 100, 0)).isEqualTo(-1);
      long[] two = {host, host + 8};
      assertThat(engine.batchTransferReadOnCuda(self, two, two, new long[1], 0)).isEqualTo(-1);
      assertThat(engine.registerMemory(4096, 4096, "*")).isEqualTo(-1);
      assertThat(engine.writeBytesToBuffer(host, new byte[] {1, 2, 3}, 3)).isZero();
      assertThat(engine.transferSyncWrite(self, host, host + 100, 3)).isZero();
      assertThat(engine.readBytesFromBuffer(host + 100, 3)).containsExactly(1, 2, 3);
      assertThat(engine.freeManagedBuffer(host, 4096)).isZero();
    }
  }

  @Test
  void theTypedApiSaysWhy() {
    EngineConfig config =
        EngineConfig.builder("127.0.0.1").metadataServer("P2PHANDSHAKE").protocol("tcp").build();
    try (Engine engine = Engine.open(config)) {
      Throwable thrown = catchThrowable(() -> engine.allocateDevice(0, 4096).close());
      assertThat(thrown == null).isEqualTo(!NONE);
      if (thrown instanceof TransferException e) {
        assertThat(e).hasMessageContaining("device memory (cuda:0) cannot be moved over TCP");
      }
      assertThat(catchThrowable(() -> engine.allocateDevice(-1, 4096)))
          .hasFieldOrPropertyWithValue("code", ErrorCode.INVALID_ARGUMENT);
      try (Allocation host = engine.allocate(4096, AccessRights.READ_ONLY)) {
        assertThat(host.location()).isEqualTo("*");
        assertThat(host.segment().byteSize()).isEqualTo(host.length());
      }
    }
  }
}
