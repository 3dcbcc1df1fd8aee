// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metadata.http;

import io.transferengine.metadata.ConnectionString;
import io.transferengine.metadata.spi.MetadataStore;
import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.util.Optional;

/** Prints how many classes a JVM loads for getting ready, and then for the first call. */
final class FirstCallMain {
  private FirstCallMain() {}

  /** Needs the port of a server on 127.0.0.1 that has no records. */
  public static void main(String[] args) {
    String address = "http://127.0.0.1:" + args[0] + "/metadata";
    try (MetadataStore store =
        new HttpMetadataStore(
            HttpAddress.of(ConnectionString.parse(address)),
            Optional.empty(),
            Optional.empty(),
            10)) {
      long before = loaded();
      store.prepare(Duration.ofSeconds(4));
      long ready = loaded();
      if (store.get("no such key", Duration.ofSeconds(60)).isPresent()) {
        throw new AssertionError("there is a record");
      }
      System.out.println("classes: " + (ready - before) + " " + (loaded() - ready));
    }
  }

  private static long loaded() {
    return ManagementFactory.getClassLoadingMXBean().getTotalLoadedClassCount();
  }
}
