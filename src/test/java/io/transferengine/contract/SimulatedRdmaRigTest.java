// SPDX-License-Identifier: Apache-2.0
package io.transferengine.contract;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.cli.faults.Deadline;
import io.transferengine.cli.faults.StallMeter;
import io.transferengine.engine.TransferHandle;
import io.transferengine.os.Errno;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferState;
import io.transferengine.verbs.SimulatedDevice;
import io.transferengine.verbs.SimulatedFaults;
import io.transferengine.verbs.WorkCompletionStatus;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Random single faults of simulated RDMA devices; {@code -Dfaults=} asks for more of them. As in
 * the fault rig between processes, each byte of both memories is known, and what did not complete
 * has to work once the fault is over.
 */
class SimulatedRdmaRigTest {
  private static final int FAULTS = Integer.getInteger("faults", 30);
  private static final int PLACES = 6;
  private static final int PLACE_BYTES = Party.MAIN_BYTES / PLACES;
  private static final Duration LONG = Duration.ofSeconds(60);

  /** More than any transfer may take, however little time the machine gives us. */
  private static final Duration HUNG = Duration.ofSeconds(60);

  /**
   * Behind a deadline, until a transfer has ended whose endpoint ends first: it may take 0.8 s
   * until that is noticed and 2 s to flush; see ARCHITECTURE, limits.
   */
  private static final long ENDPOINT_END_MILLIS = 4000;

  private static final byte MARKER = (byte) 0xa5;

  private enum Fault {
    NONE,
    LOST_COMPLETIONS,
    FAILED_REQUESTS,
    REFUSED_POST,
    CUT_LINK,
    PORT_DOWN,
    HELD,
    DELAYED,
    NO_MEMORY_TO_POST,
    NO_QUEUE_PAIR,
    STALLED_CONNECT
  }

  private final StallMeter stalls = new StallMeter();
  private final long seed = Long.getLong("seed", System.nanoTime() & 0xffff_ffffL);
  private final Random random = new Random(seed);
  private final SimulatedRdmaSetup setup = new SimulatedRdmaSetup(seed);
  private final Map<Fault, Integer> struck = new EnumMap<>(Fault.class);

  @Test
  @Timeout(7200)
  void nothingIsLostLateOrForeign() throws Exception {
    System.out.println("SimulatedRdmaRigTest: replay with -Dseed=" + seed);
    try (setup;
        Party left = new Party(setup, "left", seed);
        Party right = new Party(setup, "right", seed + 1)) {
      for (int i = 0; i < FAULTS; i++) {
        Fault fault = Fault.values()[random.nextInt(Fault.values().length)];
        try {
          round(fault, left, right);
        } catch (AssertionError e) {
          throw new AssertionError(
              "%s%n  in round %d, with %s, -Dseed=%d".formatted(e.getMessage(), i, fault, seed), e);
        }
        struck.merge(fault, 1, Integer::sum);
      }
    }
    System.out.println("SimulatedRdmaRigTest: " + struck);
  }

  private void round(Fault fault, Party left, Party right) throws Exception {
    List<Party.Move> moves = moves(left, right);
    moves.forEach(this::giveContent);
    Duration limit = Duration.ofMillis(500 + random.nextInt(1000));
    boolean before = random.nextBoolean();
    begin(before ? fault : Fault.NONE);
    Deadline deadline = new Deadline(stalls, limit.toMillis(), ENDPOINT_END_MILLIS);
    List<TransferHandle> handles = moves.stream().map(move -> move.submit(limit)).toList();
    begin(before ? Fault.NONE : fault);
    List<Party.Move> open = new ArrayList<>();
    for (int i = 0; i < moves.size(); i++) {
      if (!account(moves.get(i), handles.get(i), deadline)) {
        open.add(moves.get(i));
      }
    }
    end(fault);
    check(left, right);
    for (Party.Move move : moves) {
      // What still arrived there would be late.
      move.from().memory.fill(move.here(), move.length(), MARKER);
    }
    for (Party.Move move : open) {
      giveContent(move);
      TransferHandle again = move.submit(LONG);
      assertThat(again.await(LONG))
          .as("%s, again: %s", move, again)
          .isEqualTo(TransferState.COMPLETED);
      move.arrives();
    }
    check(left, right);
  }

  private static void check(Party left, Party right) {
    left.memory.check();
    right.memory.check();
  }

  /** In places of their own, the same on both sides. */
  private List<Party.Move> moves(Party left, Party right) {
    return IntStream.range(0, 1 + random.nextInt(PLACES))
        .mapToObj(
            place -> {
              boolean there = random.nextBoolean();
              int length = 1 + random.nextInt(random.nextBoolean() ? PLACE_BYTES : 5000);
              int offset = Party.MAIN + place * PLACE_BYTES;
              return (there ? left : right)
                  .move(
                      random.nextBoolean() ? Operation.READ : Operation.WRITE,
                      there ? right : left,
                      offset,
                      offset,
                      length);
            })
        .toList();
  }

  private void giveContent(Party.Move move) {
    byte[] content = new byte[move.length()];
    random.nextBytes(content);
    if (move.operation() == Operation.WRITE) {
      move.from().memory.set(move.here(), content);
    } else {
      move.to().memory.set(move.there(), content);
    }
  }

  /** {@return whether it completed} If not, what it used is changed at once: it is ours again. */
  private static boolean account(Party.Move move, TransferHandle handle, Deadline deadline)
      throws InterruptedException {
    TransferState state = handle.await(HUNG);
    if (!state.isTerminal() || deadline.isHung()) {
      throw new AssertionError("%s is %s after %s".formatted(move, state, deadline));
    }
    if (state == TransferState.COMPLETED) {
      move.arrives();
      return true;
    }
    if (move.operation() == Operation.WRITE) {
      move.mayArrive();
    }
    move.from().memory.fill(move.here(), move.length(), MARKER);
    return false;
  }

  private SimulatedDevice device(String engine) {
    return setup.process(engine).device("sim" + random.nextInt(2));
  }

  private void begin(Fault fault) {
    SimulatedFaults faults = setup.faults();
    int some = 1 + random.nextInt(3);
    switch (fault) {
      case NONE -> {}
      case LOST_COMPLETIONS -> faults.dropCompletions(some);
      case FAILED_REQUESTS ->
          faults.failRequests(
              List.of(
                      WorkCompletionStatus.RETRY_EXCEEDED_ERROR,
                      WorkCompletionStatus.RNR_RETRY_EXCEEDED_ERROR,
                      WorkCompletionStatus.REMOTE_OPERATION_ERROR,
                      WorkCompletionStatus.REMOTE_ACCESS_ERROR,
                      WorkCompletionStatus.FATAL_ERROR)
                  .get(random.nextInt(5)),
              some);
      case REFUSED_POST -> faults.refusePost(random.nextInt(5) - 1, Errno.ENOMEM.number());
      case CUT_LINK -> faults.cut(device("left"), device("right"));
      case PORT_DOWN -> device("left").portDown();
      case HELD -> faults.holdAfter(random.nextInt(200_000));
      case DELAYED -> faults.delay(Duration.ZERO, Duration.ofMillis(20));
      case NO_MEMORY_TO_POST ->
          faults.throwFrom("ibv_post_send", random.nextInt(3), new OutOfMemoryError("a test"));
      case NO_QUEUE_PAIR -> device("right").refuse("ibv_create_qp", some, Errno.ENOMEM.number());
      case STALLED_CONNECT -> faults.stallConnecting();
    }
  }

  private void end(Fault fault) {
    SimulatedFaults faults = setup.faults();
    switch (fault) {
      case NONE, REFUSED_POST, NO_MEMORY_TO_POST, NO_QUEUE_PAIR -> {}
      case LOST_COMPLETIONS -> faults.dropCompletions(0);
      case FAILED_REQUESTS -> faults.failRequests(WorkCompletionStatus.FATAL_ERROR, 0);
      case CUT_LINK -> {
        for (SimulatedDevice one : setup.devices("left")) {
          setup.devices("right").forEach(other -> faults.mend(one, other));
        }
      }
      case PORT_DOWN -> setup.devices("left").forEach(SimulatedDevice::portUp);
      case HELD -> faults.release();
      case DELAYED -> faults.delay(Duration.ZERO, Duration.ZERO);
      case STALLED_CONNECT -> faults.endStall();
    }
  }
}
