// SPDX-License-Identifier: Apache-2.0
package io.transferengine.testkit;

import io.transferengine.Engine;
import io.transferengine.EngineConfig;
import io.transferengine.TransferEngine;
import io.transferengine.transfer.TransferException;

/** A program that opens an engine as the environment says, by both interfaces. */
public final class MetricsPortMain {
  private MetricsPortMain() {}

  /** Prints where figures are, or why not; and the status of the other interface. */
  public static void main(String[] arguments) {
    try (Engine engine =
        Engine.open(EngineConfig.fromEnvironment("127.0.0.1").protocol("tcp").build())) {
      System.out.println("open " + engine.metricsAddress());
    } catch (TransferException e) {
      System.out.println(e.getMessage());
    }
    try (TransferEngine engine = new TransferEngine()) {
      System.out.println("status " + engine.initialize("127.0.0.1", "P2PHANDSHAKE", "tcp", ""));
    }
  }
}
