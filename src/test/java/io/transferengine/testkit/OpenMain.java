// SPDX-License-Identifier: Apache-2.0
package io.transferengine.testkit;

import io.transferengine.Engine;
import io.transferengine.EngineConfig;
import io.transferengine.TransferEngine;
import io.transferengine.transfer.TransferException;

/** Opens an engine by both APIs, and says what came of it. */
public final class OpenMain {
  private OpenMain() {}

  /** Takes the protocol. Prints a line for each API; what escapes ends the process. */
  public static void main(String[] arguments) {
    String protocol = arguments[0];
    try (Engine engine =
        Engine.open(EngineConfig.fromEnvironment("127.0.0.1").protocol(protocol).build())) {
      System.out.println("typed: opened, port " + (engine.rpcPort() > 0));
    } catch (TransferException e) {
      System.out.println("typed: " + e.code() + " " + e.getMessage());
    }
    try (TransferEngine engine = new TransferEngine()) {
      int status = engine.initialize("127.0.0.1", "P2PHANDSHAKE", protocol, "");
      System.out.println("status: " + status);
    }
    System.exit(0);
  }
}
