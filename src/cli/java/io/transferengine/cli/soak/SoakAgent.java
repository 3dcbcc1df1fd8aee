// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.soak;

import io.transferengine.EngineConfig;
import io.transferengine.Segment;
import io.transferengine.cli.console.CommandException;
import io.transferengine.cli.faults.Deadline;
import io.transferengine.cli.faults.StallMeter;
import io.transferengine.cli.target.EngineSetup;
import io.transferengine.cli.target.RequestLoop;
import io.transferengine.transfer.TransferException;
import java.io.IOException;
import java.lang.management.BufferPoolMXBean;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/**
 * A member of a group. Its memory is a file, or a pool, which the process that checks it has mapped
 * too. It answers, see {@link RequestLoop}:
 *
 * <pre>
 * move STOPPED_MILLIS MOVE|MOVE...   OUTCOME|OUTCOME...   runs them at once, see Move and Outcome
 * filled TIMES                                            waits until the heap was full so often
 * open STOPPED_MILLIS SEGMENT MILLIS OUTCOME              asks a peer for its descriptor
 * register                                                ends the registrations and makes them anew
 * reopen                             ADDRESS DESCRIPTOR   closes the engine and opens another
 * take ORDER                                              begins to take memory back
 * taken                              ADDRESS              waits for that, and offers it again
 * figures                            HEAP DIRECT FORCED   bytes in use, transfers ended by force
 * </pre>
 *
 * The first line is {@code @ok}, the segment's name, where its memory begins, and the descriptor of
 * it if it is managed, else -1.
 */
final class SoakAgent implements AutoCloseable {
  /**
   * Behind a deadline, until a transfer over RDMA has ended: a queue pair whose peer is gone is
   * found out and emptied first; see ARCHITECTURE, limits.
   */
  private static final long RDMA_END_MILLIS = 4000;

  private final StallMeter stalls = new StallMeter();
  private final long endMillis;
  private final Offer offer;
  private final Taker taker;
  private final HeapFiller heap;

  private final Followers followers = new Followers(Move.AT_ONCE);

  private SoakAgent(EngineConfig config, Path file, long endMillis, HeapFiller heap) {
    this.endMillis = endMillis;
    this.heap = heap;
    offer = new Offer(config, file);
    taker = new Taker(offer);
  }

  /**
   * Runs until the standard input ends.
   *
   * @param arguments the file or {@link Offer#MANAGED}, the protocol, the metadata server and the
   *     local name; with full heaps also the pipe of their filler
   */
  public static void main(String[] arguments) throws IOException {
    boolean fills = arguments.length > 4;
    LoadedClasses.load(fills);
    HeapFiller heap = new HeapFiller();
    if (fills) {
      WarmUp.run(arguments[1]);
      heap.follow(Path.of(arguments[4]));
    }
    EngineConfig config =
        EngineConfig.fromEnvironment(arguments[3])
            .protocol(EngineSetup.engineProtocol(arguments[1]))
            .metadataServer(arguments[2])
            .managedMemoryLimitBytes(Layout.MANAGED_BYTES)
            .build();
    long endMillis = arguments[1].equals(EngineSetup.RDMA) ? RDMA_END_MILLIS : Deadline.END_MILLIS;
    try (SoakAgent agent = new SoakAgent(config, Path.of(arguments[0]), endMillis, heap)) {
      RequestLoop.serve(
          System.in,
          System.out,
          agent.offer.engine().segmentName() + " " + agent.place(),
          agent::answer);
    }
    System.exit(0);
  }

  private String answer(String[] words) {
    return switch (words[0]) {
      case "move" -> move(Integer.parseInt(words[1]), words[2]);
      case "open" -> open(Integer.parseInt(words[1]), words[2], Integer.parseInt(words[3])).line();
      case "filled" -> {
        heap.awaitFilled(Integer.parseInt(words[1]));
        yield "";
      }
      case "register" -> {
        Layout.registered(offer.descriptor() >= 0).forEach(offer::unregister);
        offer.complete();
        yield "";
      }
      case "reopen" -> {
        offer.closeEngine();
        offer.complete();
        yield place();
      }
      case "take" -> {
        taker.begin(TakeBackOrder.parse(words, 1));
        yield "";
      }
      case "taken" -> {
        taker.end();
        yield Long.toString(offer.base());
      }
      case "figures" -> figures();
      default -> throw CommandException.usage("'" + words[0] + "' is not a request");
    };
  }

  private String place() {
    return offer.base() + " " + offer.descriptor();
  }

  private Outcome open(int stoppedMillis, String segment, int limitMillis) {
    Deadline deadline = new Deadline(stalls, limitMillis + stoppedMillis, endMillis);
    Throwable thrown = null;
    try {
      Segment known = offer.engine().openSegment(segment, Duration.ofMillis(limitMillis));
      Segment _ = known.refresh(Duration.ofMillis(deadline.leftMillis()));
    } catch (TransferException | OutOfMemoryError e) {
      thrown = e;
    }
    boolean hung = deadline.isHung();
    heap.awaitRelief();
    if (hung) {
      return new Outcome(Outcome.HUNG, false, deadline + ", to open " + segment);
    }
    return thrown == null
        ? new Outcome("COMPLETED", false, "")
        : new Outcome("FAILED", false, String.valueOf(thrown.getMessage()));
  }

  private String move(int stoppedMillis, String list) {
    List<RunningMove> moves = prepare(stoppedMillis, list);
    for (int i = 0; i < moves.size(); i++) { // An iterator would need memory.
      moves.get(i).submit(offer.engine());
      followers.follow(i, moves.get(i));
    }
    for (int i = 0; i < moves.size(); i++) {
      moves.get(i).awaitEnd();
    }
    heap.awaitRelief();
    return moves.stream().map(move -> move.outcome().line()).collect(Collectors.joining("|"));
  }

  private List<RunningMove> prepare(int stoppedMillis, String list) {
    while (true) {
      try {
        List<RunningMove> moves = new ArrayList<>();
        for (String text : list.split("\\|", -1)) {
          Move move = Move.parse(text);
          long limitMillis = (long) move.limitMillis() + stoppedMillis;
          moves.add(
              new RunningMove(
                  move,
                  offer.memory(),
                  offer.base(),
                  new Deadline(stalls, limitMillis, endMillis)));
        }
        return moves;
      } catch (OutOfMemoryError e) {
        heap.awaitRelief();
      }
    }
  }

  private String figures() {
    System.gc();
    long heap = ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed();
    long direct =
        ManagementFactory.getPlatformMXBeans(BufferPoolMXBean.class).stream()
            .filter(pool -> pool.getName().equals("direct"))
            .mapToLong(BufferPoolMXBean::getTotalCapacity)
            .sum();
    return heap + " " + direct + " " + offer.forced();
  }

  @Override
  public void close() {
    offer.close();
  }
}
