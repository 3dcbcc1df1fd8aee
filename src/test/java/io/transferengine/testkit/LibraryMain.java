// SPDX-License-Identifier: Apache-2.0
package io.transferengine.testkit;

import io.transferengine.Engine;
import io.transferengine.EngineConfig;
import io.transferengine.transfer.TransferException;

/** A program that opens an engine with each metadata server that it is given, by exported API. */
public final class LibraryMain {
  private LibraryMain() {}

  /** Prints our module, then a line for each server. */
  public static void main(String[] servers) {
    System.out.println(Engine.class.getModule());
    for (String server : servers) {
      EngineConfig config =
          EngineConfig.builder("library-test")
              .metadataServer(server)
              .protocol("tcp")
              .tcpBindAddress("127.0.0.1")
              .build();
      try (Engine engine = Engine.open(config)) {
        System.out.println("found " + engine.openSegment("library-test").name());
      } catch (TransferException e) {
        System.out.println(e.getMessage());
      }
    }
    System.exit(0);
  }
}
