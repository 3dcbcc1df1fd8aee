// SPDX-License-Identifier: Apache-2.0
package io.transferengine.config;

import static io.transferengine.fuzz.Oracle.require;
import static io.transferengine.fuzz.Oracle.requireRefusal;
import static io.transferengine.fuzz.Oracle.requireText;

import io.transferengine.fuzz.FuzzTarget;
import io.transferengine.fuzz.Oracle;
import io.transferengine.metadata.ConnectionString;
import io.transferengine.metadata.spi.MetadataAddress;
import io.transferengine.topology.Gid;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.HostPort;
import io.transferengine.transfer.TransferException;
import io.transferengine.wire.SegmentNames;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/**
 * An environment, a variable and its value on each line; and each value as an address, a connection
 * string, a segment's name and a GID.
 */
public final class OptionsFuzz implements FuzzTarget {
  /** The settings of all options, and a refusal with its stack. */
  private static final long HEAP_BYTES = 512 << 10;

  private static final long HEAP_BYTES_PER_BYTE = 200;

  @Override
  public void run(byte[] input) throws IOException {
    Map<String, String> environment = new HashMap<>();
    for (String line : new String(input, StandardCharsets.UTF_8).split("\n", -1)) {
      int equals = line.indexOf('=');
      String value = line.substring(equals + 1);
      if (equals > 0) {
        environment.put(line.substring(0, equals), value);
      }
      requireSameAddress(value);
      requireKnownText(value);
    }
    Optional<Settings> settings =
        Oracle.frugally(
            HEAP_BYTES + HEAP_BYTES_PER_BYTE * input.length, () -> settings(environment));
    if (settings.isPresent()) {
      settings.get().warnings().forEach(Oracle::requireText);
      require(
          settings.get().toBuilder().build().toString().equals(settings.get().toString()),
          () -> "built again they differ: " + settings.get());
    }
  }

  private static Optional<Settings> settings(Map<String, String> environment) {
    try {
      return Optional.of(Settings.fromMap(environment));
    } catch (TransferException e) {
      requireRefusal(e, ErrorCode.INVALID_ARGUMENT);
      return Optional.empty();
    }
  }

  private static void requireSameAddress(String value) {
    try {
      HostPort parsed = HostPort.parse(value, 1);
      HostPort again = HostPort.parse(parsed.toString());
      require(again.equals(parsed), () -> parsed + " became " + again);
      requireText(parsed.toString());
    } catch (TransferException e) {
      requireRefusal(e, ErrorCode.INVALID_ARGUMENT);
    }
  }

  private static void requireKnownText(String value) {
    try {
      MetadataAddress address = ConnectionString.parse(value);
      requireRefusal(ConnectionString.malformed(address, null), ErrorCode.INVALID_ARGUMENT);
    } catch (TransferException e) {
      requireRefusal(e, ErrorCode.INVALID_ARGUMENT);
    }
    try {
      String name = SegmentNames.normalize(value);
      require(SegmentNames.normalize("/" + name).equals(name), () -> "another name: " + name);
    } catch (TransferException e) {
      requireRefusal(e, ErrorCode.INVALID_ARGUMENT);
    }
    Gid.parse(value)
        .ifPresent(
            gid -> require(Gid.parse(gid.text()).equals(Optional.of(gid)), () -> "another " + gid));
  }
}
