// SPDX-License-Identifier: Apache-2.0
package io.transferengine.verbs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.transferengine.bindings.Ibv;
import io.transferengine.bindings.ibv_qp_attr;
import io.transferengine.testkit.Mapped;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What real devices report on their own when a cable is pulled; in the soft-RoCE guest only. */
@Tag("rdma")
@Timeout(value = 5, unit = TimeUnit.MINUTES)
class FfmAsyncEventsTest {
  private static final long PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(60);
  private static final int WAIT_MILLIS = 1000;

  /** Permanent neighbours do not outlive their link. */
  private List<String> neighbours = List.of();

  @BeforeEach
  void requireGuest() throws Exception {
    assumeTrue(
        System.getenv("TE_GUEST") != null,
        "it takes network interfaces down, which only the soft-RoCE guest allows");
    neighbours = run("ip", "neigh", "show", "nud", "permanent").lines().toList();
  }

  @AfterEach
  void restore() throws Exception {
    if (neighbours.isEmpty()) {
      return;
    }
    run("ip", "link", "set", "veth1", "up");
    for (String neighbour : neighbours) {
      List<String> command = new ArrayList<>(List.of("ip", "neigh", "replace"));
      command.addAll(List.of(neighbour.replace("PERMANENT", "").strip().split(" +")));
      command.addAll(List.of("nud", "permanent"));
      run(command.toArray(String[]::new));
    }
  }

  private static String run(String... command) throws IOException, InterruptedException {
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    process.getOutputStream().close();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor()).as("%s: %s", List.of(command), output).isZero();
    return output;
  }

  @Test
  void aPulledCableIsReportedAndEndsRequestsAndABackOneIsReportedToo() throws Exception {
    VerbsLibrary library = Verbs.library();
    try (EventWaiter waiter = new EventWaiter(library);
        Mapped memory = Mapped.of(4096);
        TestEndpoint one = new TestEndpoint(library, "rxe0");
        TestEndpoint other = new TestEndpoint(library, "rxe1")) {
      MemoryRegion local = one.register(memory);
      MemoryRegion remote = other.register(memory);
      TestEndpoint.connect(one, other);
      assertThat(one.run(true, local, 64, remote.address(), remote.remoteKey()))
          .isEqualTo(WorkCompletionStatus.SUCCESS);
      waiter.add(other.context.asyncFd());

      run("ip", "link", "set", "veth1", "down");
      awaitEvent(waiter, other.context, new AsyncEvent(AsyncEventType.PORT_ERROR, 1));
      assertThat(other.context.queryPort(1).state()).isEqualTo(PortState.DOWN);
      // rxe finds no way out and gives up at once, or repeats until it does.
      assertThat(one.run(true, local, 64, remote.address(), remote.remoteKey()))
          .isIn(
              WorkCompletionStatus.RETRY_EXCEEDED_ERROR,
              WorkCompletionStatus.WORK_REQUEST_FLUSHED_ERROR);
      assertThat(one.pair.state()).isEqualTo(QueuePairState.ERROR);

      run("ip", "link", "set", "veth1", "up");
      awaitEvent(waiter, other.context, new AsyncEvent(AsyncEventType.PORT_ACTIVE, 1));
      assertThat(other.context.queryPort(1).state()).isEqualTo(PortState.ACTIVE);
      waiter.remove(other.context.asyncFd());
    }
  }

  /** By the only event of a queue pair that can be had from a healthy device. */
  @Test
  void anEventOfAQueuePairHasItsNumber() {
    VerbsLibrary library = Verbs.library();
    try (EventWaiter waiter = new EventWaiter(library);
        Arena arena = Arena.ofConfined();
        TestEndpoint one = new TestEndpoint(library, "rxe0");
        TestEndpoint other = new TestEndpoint(library, "rxe1")) {
      TestEndpoint.connect(one, other);
      waiter.add(one.context.asyncFd());
      MemorySegment attributes =
          QueuePairAttributes.allocate(arena, QueuePairState.SEND_QUEUE_DRAINED);
      ibv_qp_attr.en_sqd_async_notify(attributes, (byte) 1);
      library.modifyQp(
          one.pair.handle(), attributes, Ibv.IBV_QP_STATE() | Ibv.IBV_QP_EN_SQD_ASYNC_NOTIFY());
      awaitEvent(
          waiter,
          one.context,
          new AsyncEvent(AsyncEventType.SEND_QUEUE_DRAINED, one.pair.number()));
      waiter.remove(one.context.asyncFd());
    }
  }

  /** Others, such as a change of the GID table, may come before it. */
  private static void awaitEvent(EventWaiter waiter, Context context, AsyncEvent expected) {
    List<AsyncEvent> seen = new ArrayList<>();
    long start = System.nanoTime();
    while (System.nanoTime() - start < PATIENCE_NANOS) {
      waiter.await(WAIT_MILLIS);
      context.takeAsyncEvent().ifPresent(seen::add);
      if (seen.contains(expected)) {
        return;
      }
    }
    throw new AssertionError("No " + expected + " but " + seen);
  }
}
