// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.local;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.device.SimulatedDevices;
import io.transferengine.device.SimulatedIpc;
import io.transferengine.engine.TransferHandle;
import io.transferengine.metrics.Counter;
import io.transferengine.testkit.ChildJvm;
import io.transferengine.testkit.Mapped;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferRequest;
import io.transferengine.transfer.TransferState;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.Writer;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Memory of simulated devices of two processes: what is open, and what is left of one that ends.
 */
@Timeout(120)
class DeviceIpcProcessTest {
  private static final int BYTES = DeviceIpcPeer.BYTES;

  @TempDir Path folder;

  private SimulatedDevices driver;
  private DeviceEngine engine;
  private long here;
  private Process peer;
  private BufferedReader said;
  private Writer commands;
  private String name;
  private long there;

  @BeforeEach
  void start() throws Exception {
    peer =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx96m",
                "-XX:TieredStopAtLevel=1",
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                ChildJvm.classPath(_ -> true),
                DeviceIpcPeer.class.getName(),
                folder.toString())
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    said = peer.inputReader();
    commands = peer.outputWriter();
    driver = new SimulatedDevices(1, 1, 4 * BYTES, SimulatedIpc.in(folder));
    engine = new DeviceEngine(driver);
    here = engine.register(driver.memory(0, BYTES), BYTES, "cuda:0");
    String[] hello = said.readLine().split(" ", -1);
    name = hello[0];
    there = Long.parseLong(hello[1]);
  }

  @AfterEach
  void stop() {
    peer.destroyForcibly();
    engine.close();
    assertThat(driver.open()).isEmpty();
    driver.close();
  }

  private void tell(String command) throws IOException {
    commands.write(command + "\n");
    commands.flush();
  }

  private TransferHandle submit(Operation operation) {
    return submit(operation, here);
  }

  private TransferHandle submit(Operation operation, long local) {
    return engine.core.submit(
        TransferRequest.of(operation, name, BlockColumns.of(local, there, BYTES)));
  }

  private void assertRead() throws InterruptedException {
    TransferHandle read = submit(Operation.READ);
    read.await(Duration.ofSeconds(60));
    assertThat(read.state()).as(() -> read.failure().toString()).isEqualTo(TransferState.COMPLETED);
    assertThat(driver.peek(here, BYTES)).containsOnly(7);
    assertThat(engine.counted(Counter.LOCAL_DEVICE_TRANSFERS_MISSED)).isZero();
    assertThat(driver.opened()).isOne();
  }

  @Test
  void whatIsOpenIsClosedBeforeTheOtherProcessFreesIt() throws Exception {
    assertRead();
    tell("free");
    assertThat(said.readLine()).isEqualTo("freed");
    assertThat(driver.opened()).isZero();
    // It is killed while it copies to us.
    tell("write " + engine.core.segmentName() + " " + here);
    assertThat(said.readLine()).isNotNull();
    peer.destroyForcibly();
    assertThat(peer.waitFor(60, TimeUnit.SECONDS)).isTrue();
    engine.core.memory().unregister(here);
    driver.freeMemory(here);
  }

  @Test
  void aPeerThatIsKilledFailsTheCopyAndLeavesNothing() throws Exception {
    assertRead();
    driver.hold();
    int before = driver.plan().calls("cuMemcpyDtoDAsync_v2");
    TransferHandle written = submit(Operation.WRITE);
    while (driver.plan().calls("cuMemcpyDtoDAsync_v2") == before) {
      Thread.onSpinWait();
    }
    peer.destroyForcibly();
    assertThat(peer.waitFor(60, TimeUnit.SECONDS)).isTrue();
    assertThat(written.state().isTerminal()).isFalse();
    driver.letGo();
    written.await(Duration.ofSeconds(60));
    assertThat(written.state()).isEqualTo(TransferState.FAILED);
    engine.core.memory().unregister(here);
  }

  /** The same between host memory of ours and its device. */
  @ParameterizedTest
  @EnumSource(Operation.class)
  void aPeerThatIsKilledFailsTheCopyOfHostMemory(Operation operation) throws Exception {
    try (Mapped host = Mapped.of(BYTES)) {
      long local = engine.register(host.address(), BYTES, "*");
      TransferHandle read = submit(Operation.READ, local);
      assertThat(read.await(Duration.ofSeconds(60)))
          .as(() -> read.failure().toString())
          .isEqualTo(TransferState.COMPLETED);
      assertThat(read.report().transport()).isEqualTo("local");
      assertThat(host.segment().toArray(ValueLayout.JAVA_BYTE)).containsOnly(7);
      String call = operation == Operation.WRITE ? "cuMemcpyHtoDAsync_v2" : "cuMemcpyDtoHAsync_v2";
      driver.hold();
      int before = driver.plan().calls(call);
      TransferHandle moving = submit(operation, local);
      while (driver.plan().calls(call) == before) {
        Thread.onSpinWait();
      }
      peer.destroyForcibly();
      assertThat(peer.waitFor(60, TimeUnit.SECONDS)).isTrue();
      assertThat(moving.state().isTerminal()).isFalse();
      driver.letGo();
      assertThat(moving.await(Duration.ofSeconds(60))).isEqualTo(TransferState.FAILED);
      engine.core.memory().unregister(local);
    }
  }
}
