// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.local;

import io.transferengine.device.SimulatedDevices;
import io.transferengine.device.SimulatedIpc;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferRequest;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;

/**
 * The other process of {@link DeviceIpcProcessTest}: does what its input says, a line at a time.
 */
final class DeviceIpcPeer {
  static final int BYTES = 1 << 20;

  private DeviceIpcPeer() {}

  /** {@code DeviceIpcPeer FOLDER}. */
  public static void main(String[] arguments) throws Exception {
    SimulatedDevices driver =
        new SimulatedDevices(1, 1, 4 * BYTES, SimulatedIpc.in(Path.of(arguments[0])));
    DeviceEngine engine = new DeviceEngine(driver);
    long memory = engine.register(driver.memory(0, BYTES), BYTES, "cuda:0");
    byte[] content = new byte[BYTES];
    Arrays.fill(content, (byte) 7);
    driver.poke(memory, content);
    BufferedReader commands =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    long source = engine.register(driver.memory(0, BYTES), BYTES, "cuda:0");
    System.out.println(engine.core.segmentName() + " " + memory);
    for (String line = commands.readLine(); line != null; line = commands.readLine()) {
      String[] words = line.split(" ", -1);
      switch (words[0]) {
        case "free" -> {
          engine.core.memory().unregister(memory);
          driver.freeMemory(memory);
          System.out.println("freed");
        }
        case "write" -> {
          // Never ends: this process is killed in the middle.
          int before = driver.plan().calls("cuMemcpyDtoDAsync_v2");
          driver.hold();
          var _ =
              engine.core.submit(
                  TransferRequest.of(
                      Operation.WRITE,
                      words[1],
                      BlockColumns.of(source, Long.parseLong(words[2]), BYTES)));
          while (driver.plan().calls("cuMemcpyDtoDAsync_v2") == before) {
            Thread.onSpinWait();
          }
          System.out.println("copies");
        }
        default -> throw new IllegalArgumentException(line);
      }
    }
    engine.close();
    System.out.println(driver.open().isEmpty() ? "closed" : driver.open());
  }
}
