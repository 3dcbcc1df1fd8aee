// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.demo;

import io.transferengine.Engine;
import io.transferengine.Transfer;
import io.transferengine.cli.console.Progress;
import io.transferengine.cli.console.Units;
import io.transferengine.cli.target.BlockMemory;
import io.transferengine.cli.target.BlockShape;
import io.transferengine.cli.target.MemoryPlace;
import io.transferengine.cli.target.TargetLink;
import io.transferengine.cli.target.Transfers;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferException;
import io.transferengine.transfer.TransferRequest;
import io.transferengine.transfer.TransferState;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.stream.LongStream;

/**
 * One item that the demo moves there and back.
 *
 * <p>Before anything is sent, the source is digested. After the write, the target digests its
 * memory. Last, the bytes that were read back into zeroed memory are digested.
 *
 * @param what its name in the table
 * @param shape its blocks, on both sides
 * @param place where they are, on both sides
 * @param content fills the source
 */
record DemoMove(String what, BlockShape shape, MemoryPlace place, Consumer<BlockMemory> content) {
  DemoMove(String what, BlockShape shape, Consumer<BlockMemory> content) {
    this(what, shape, MemoryPlace.HOST, content);
  }

  /** {@return the same in other memory} */
  DemoMove in(MemoryPlace other) {
    return new DemoMove(what, shape, other, content);
  }

  /** What {@link #run} reports. */
  static final int STEPS = 5;

  /** Any seed works; with a fixed one two runs can be compared. */
  static final long CONTENT_SEED = 70;

  private static final long SOURCE_SEED = 1;
  private static final long TARGET_SEED = 2;
  private static final long BACK_SEED = 3;

  /** How a transfer ended. */
  private record Outcome(double seconds, Optional<String> problem) {}

  /**
   * Moves it. Each run has memory of its own on both sides, all zeros at first.
   *
   * @param way how {@code engine} moves bytes, for the table
   */
  List<DemoRow> run(
      Engine engine, String way, TargetLink target, boolean corrupt, Progress progress) {
    progress.step("preparing " + what);
    try (BlockMemory source = BlockMemory.allocate(engine, shape, SOURCE_SEED, place);
        BlockMemory back = BlockMemory.allocate(engine, shape, BACK_SEED, place)) {
      content.accept(source);
      String sent = source.digest();
      long[] remote = allocateRemote(target);

      progress.step("writing " + what);
      Outcome write = move(engine, target, Operation.WRITE, source, remote);
      if (corrupt) {
        target.ask("flip");
      }
      progress.step("the target digests " + what);
      String held = target.ask("digest");

      progress.step("reading " + what);
      Outcome read = move(engine, target, Operation.READ, back, remote);
      progress.step("digesting " + what);
      String returned = back.digest();
      target.ask("free");
      return List.of(
          row(way, "write", write, compare("the target holds", sent, held)),
          row(way, "read", read, compare("what was read back is", sent, returned)));
    }
  }

  /** Writes it once, and looks at nothing. {@return why that was not possible} */
  Optional<String> move(Engine engine, TargetLink target) {
    try (BlockMemory source = BlockMemory.allocate(engine, shape, SOURCE_SEED, place)) {
      content.accept(source);
      Optional<String> problem =
          move(engine, target, Operation.WRITE, source, allocateRemote(target)).problem();
      target.ask("free");
      return problem;
    }
  }

  private DemoRow row(String way, String direction, Outcome outcome, Optional<String> mismatch) {
    Optional<String> problem = outcome.problem().or(() -> mismatch);
    return new DemoRow(
        what,
        way,
        direction,
        shape,
        outcome.seconds(),
        problem.map(text -> "FAILED: " + what + ", " + way + ", " + direction + ": " + text));
  }

  private static Optional<String> compare(String subject, String expected, String found) {
    return found.equals(expected)
        ? Optional.empty()
        : Optional.of("%s SHA-256 %s, the source was %s".formatted(subject, found, expected));
  }

  private long[] allocateRemote(TargetLink target) {
    String[] reply =
        target
            .ask(
                "allocate",
                shape.regions(),
                shape.slots(),
                shape.blocks(),
                shape.blockBytes(),
                TARGET_SEED,
                place)
            .split(" ", -1);
    int[] slots = LongStream.of(TargetLink.numbers(reply[1])).mapToInt(Math::toIntExact).toArray();
    return shape.addresses(TargetLink.numbers(reply[0]), slots);
  }

  private Outcome move(
      Engine engine, TargetLink target, Operation operation, BlockMemory local, long[] remote) {
    BlockColumns blocks = BlockColumns.of(local.addresses(), remote, shape.lengths());
    TransferRequest request = TransferRequest.of(operation, target.segmentName(), blocks);
    long begin = System.nanoTime();
    Transfer transfer = engine.submit(request);
    TransferState state = Transfers.forEnd(transfer);
    double seconds = Units.seconds(System.nanoTime() - begin);
    return new Outcome(
        seconds,
        state == TransferState.COMPLETED
            ? Optional.empty()
            : Optional.of(
                transfer.failure().map(TransferException::getMessage).orElse(state.toString())));
  }
}
