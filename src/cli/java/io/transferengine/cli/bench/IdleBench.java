// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.bench;

import io.transferengine.Engine;
import io.transferengine.Transfer;
import io.transferengine.cli.console.CommandException;
import io.transferengine.cli.console.Progress;
import io.transferengine.cli.console.Terminal;
import io.transferengine.cli.console.Units;
import io.transferengine.cli.target.BlockMemory;
import io.transferengine.cli.target.BlockShape;
import io.transferengine.cli.target.ProcessorTime;
import io.transferengine.cli.target.TargetLink;
import io.transferengine.cli.target.Transfers;
import io.transferengine.transfer.TransferException;
import io.transferengine.transfer.TransferRequest;
import io.transferengine.transfer.TransferState;
import java.lang.foreign.MemorySegment;
import java.time.Duration;

/** Measures the cost of an idle engine with connections to peers. */
final class IdleBench {
  private static final int PEERS = 10;
  private static final long BYTES = 64 << 10;

  /** After the last transfer the compiler threads still work. */
  private static final Duration SETTLING = Duration.ofSeconds(2);

  private static final double PERCENT = 100;

  private IdleBench() {}

  static void run(Terminal terminal, Engine engine, TargetLink target, int seconds) {
    String[] peers = target.ask("engines", PEERS, BYTES).split(",", -1);
    try (BlockMemory memory = BlockMemory.allocate(engine, BlockShape.single(BYTES), 0);
        Progress progress = terminal.progress("idle", seconds)) {
      memory.fill(1);
      for (String peer : peers) {
        write(engine, memory.first(), peer.split(" ", -1));
      }
      Thread.sleep(SETTLING);
      long targetBegin = Long.parseLong(target.ask("cpu"));
      long begin = System.nanoTime();
      long cpuBegin = ProcessorTime.ofThisProcessNanos();
      for (int i = 0; i < seconds; i++) {
        progress.step("doing nothing");
        Thread.sleep(Duration.ofSeconds(1));
      }
      long cpuNanos = ProcessorTime.ofThisProcessNanos() - cpuBegin;
      long nanos = System.nanoTime() - begin;
      long targetNanos = Long.parseLong(target.ask("cpu")) - targetBegin;
      report(terminal, "an engine with " + PEERS + " open peers", cpuNanos, nanos);
      report(terminal, "the process of those " + PEERS + " peers", targetNanos, nanos);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw CommandException.failed("Interrupted while idle");
    }
  }

  private static void write(Engine engine, MemorySegment memory, String[] nameAndAddress) {
    long address = Long.parseLong(nameAndAddress[1]);
    Transfer transfer = engine.submit(TransferRequest.write(nameAndAddress[0], memory, address));
    TransferState state = Transfers.forEnd(transfer);
    if (state != TransferState.COMPLETED) {
      throw CommandException.failed(
          transfer.failure().map(TransferException::getMessage).orElse(state.toString()));
    }
  }

  private static void report(Terminal terminal, String what, long cpuNanos, long nanos) {
    terminal.line(
        "idle, %s: %s %% of a core (%s s of processor time in %s s)"
            .formatted(
                what,
                Units.fixed(PERCENT * cpuNanos / nanos, 2),
                Units.fixed(Units.seconds(cpuNanos), 2),
                Units.fixed(Units.seconds(nanos), 1)));
  }
}
