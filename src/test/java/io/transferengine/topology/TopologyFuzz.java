// SPDX-License-Identifier: Apache-2.0
package io.transferengine.topology;

import static io.transferengine.fuzz.Oracle.require;
import static io.transferengine.fuzz.Oracle.requireRefusal;

import io.transferengine.fuzz.FuzzTarget;
import io.transferengine.fuzz.InputFile;
import io.transferengine.fuzz.Oracle;
import io.transferengine.transfer.ConfigurationException;
import io.transferengine.transfer.ErrorCode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;

/** A file with a priority matrix. */
public final class TopologyFuzz implements FuzzTarget {
  /** Jackson's buffers, and a refusal with its stack. */
  private static final long HEAP_BYTES = 256 << 10;

  private static final long HEAP_BYTES_PER_BYTE = 100;

  private final InputFile file = new InputFile();

  @Override
  public void run(byte[] input) throws IOException {
    Path written = file.with(input);
    Optional<Map<String, DevicePreference>> matrix =
        Oracle.frugally(HEAP_BYTES + HEAP_BYTES_PER_BYTE * input.length, () -> read(written));
    if (matrix.isPresent()) {
      String json = TopologyFile.write(matrix.get());
      Path again = file.with(json.getBytes(StandardCharsets.UTF_8));
      require(
          TopologyFile.read(again).equals(matrix.get()), () -> matrix.get() + " became " + json);
      Topology topology = Topology.fromCustomFile(again);
      for (String location : matrix.get().keySet()) {
        require(topology.devicesFor(location) != null, () -> location + " has no devices any more");
      }
    }
  }

  private static Optional<Map<String, DevicePreference>> read(Path file) {
    try {
      return Optional.of(TopologyFile.read(file));
    } catch (ConfigurationException e) {
      requireRefusal(e, ErrorCode.INVALID_ARGUMENT);
      return Optional.empty();
    }
  }

  @Override
  public void close() throws IOException {
    file.close();
  }
}
