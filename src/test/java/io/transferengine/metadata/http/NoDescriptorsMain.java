// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metadata.http;

import io.transferengine.metadata.ConnectionString;
import io.transferengine.transfer.TransferException;
import java.io.FileInputStream;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Makes a client when no descriptor is left, and prints what that throws. */
public final class NoDescriptorsMain {
  private NoDescriptorsMain() {}

  /** Prints one line. */
  public static void main(String[] arguments) throws IOException {
    String _ = make(); // What this needs is loaded once there are none left.
    List<FileInputStream> held = new ArrayList<>();
    String made;
    try {
      while (true) {
        held.add(new FileInputStream("/dev/null"));
      }
    } catch (IOException e) {
      made = make();
    }
    for (FileInputStream one : held) {
      one.close();
    }
    System.out.println("made: " + made);
  }

  private static String make() {
    HttpAddress nobody = HttpAddress.of(ConnectionString.parse("http://127.0.0.1:1/metadata"));
    try (HttpMetadataStore store =
        new HttpMetadataStore(nobody, Optional.empty(), Optional.empty(), 60)) {
      return "a client, " + store.get("key", Duration.ofSeconds(10)).isPresent();
    } catch (TransferException e) {
      return String.valueOf(e.getMessage());
    } catch (RuntimeException e) {
      return e.toString();
    }
  }
}
