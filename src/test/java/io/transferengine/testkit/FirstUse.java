// SPDX-License-Identifier: Apache-2.0
package io.transferengine.testkit;

import com.sun.management.OperatingSystemMXBean;
import io.transferengine.TransferEngine;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/**
 * Measures what the first transfer of a new JVM costs: from {@code initialize} to the end of a 4
 * KiB write to a peer on the loopback, in processor time of this process and by the clock. Starts
 * the peer itself. docs/PERFORMANCE.md says how to run it.
 */
public final class FirstUse {
  private static final String PEER = "peer";
  private static final long BYTES = 4096;
  private static final long NANOS_PER_MILLI = 1_000_000;

  private FirstUse() {}

  /** Without an argument measures; with {@code peer} is the other process. */
  public static void main(String[] args) throws IOException {
    if (args.length > 0 && args[0].equals(PEER)) {
      servePeer();
      return;
    }
    Process peer =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                System.getProperty("java.class.path"),
                FirstUse.class.getName(),
                PEER)
            .redirectError(ProcessBuilder.Redirect.DISCARD)
            .start();
    try (var lines =
        new BufferedReader(new InputStreamReader(peer.getInputStream(), StandardCharsets.UTF_8))) {
      measure(lines.readLine());
    } finally {
      peer.destroyForcibly();
    }
  }

  private static void servePeer() throws IOException {
    PrintStream answer = System.out;
    System.setOut(System.err); // a log must not come between
    try (TransferEngine engine = new TransferEngine()) {
      require(engine.initialize("127.0.0.1", "P2PHANDSHAKE", "tcp", "") == 0);
      require(engine.allocateManagedBuffer(BYTES) != 0);
      answer.println("127.0.0.1:" + engine.getRpcPort());
      // Until the measuring process ends.
      int _ = System.in.read();
    }
  }

  private static void measure(String peer) {
    long cpu = cpuNanos();
    long start = System.nanoTime();
    try (TransferEngine engine = new TransferEngine()) {
      require(engine.initialize("127.0.0.1", "P2PHANDSHAKE", "tcp", "") == 0);
      final long initializeCpu = cpuNanos() - cpu;
      final long initialize = System.nanoTime() - start;
      long buffer = engine.allocateManagedBuffer(BYTES);
      long remote = engine.getFirstBufferAddress(peer);
      require(engine.transferSyncWrite(peer, buffer, remote, BYTES) == 0);
      long all = System.nanoTime() - start;
      long allCpu = cpuNanos() - cpu;
      start = System.nanoTime();
      require(engine.transferSyncWrite(peer, buffer, remote, BYTES) == 0);
      long second = System.nanoTime() - start;
      System.out.printf(
          "initialize to first transfer: %d ms of processor time, %d ms by the clock;"
              + " initialize alone %d and %d; JVM's start before it %d; second transfer %.1f%n",
          allCpu / NANOS_PER_MILLI,
          all / NANOS_PER_MILLI,
          initializeCpu / NANOS_PER_MILLI,
          initialize / NANOS_PER_MILLI,
          cpu / NANOS_PER_MILLI,
          (double) second / NANOS_PER_MILLI);
    }
  }

  private static long cpuNanos() {
    return ((OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean())
        .getProcessCpuTime();
  }

  private static void require(boolean condition) {
    if (!condition) {
      throw new IllegalStateException("the engine refused; its log says why");
    }
  }
}
