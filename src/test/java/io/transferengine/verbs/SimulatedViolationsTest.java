// SPDX-License-Identifier: Apache-2.0
package io.transferengine.verbs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.transferengine.os.NativeCallException;
import io.transferengine.testkit.Mapped;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** That the simulator complains of each mistake that it is there to find. */
@Timeout(value = 2, unit = TimeUnit.MINUTES)
class SimulatedViolationsTest {
  private final SimulatedFabric fabric = new SimulatedFabric(3);
  private final SimulatedVerbs verbs = fabric.process("a", List.of("sim0", "sim1"));
  private final Mapped memory = Mapped.of(4096);
  private final TestEndpoint one = new TestEndpoint(verbs, "sim0");
  private final TestEndpoint other = new TestEndpoint(verbs, "sim1");

  @AfterEach
  void close() {
    fabric.close();
    memory.close();
  }

  private void assertViolation(ThrowingCallable mistake, String text) {
    assertThatThrownBy(mistake).isInstanceOf(AssertionError.class).hasMessageContaining(text);
    assertThat(fabric.violations()).anySatisfy(each -> assertThat(each).contains(text));
  }

  private void fill(int count, MemoryRegion region, boolean signalled) {
    for (int i = 0; i < count; i++) {
      one.ring.set(
          i,
          i,
          true,
          signalled,
          memory.address(),
          8,
          region.localKey(),
          memory.address(),
          region.remoteKey());
    }
  }

  @Test
  void aPostInTheWrongState() {
    MemoryRegion region = one.register(memory);
    fill(1, region, true);
    assertViolation(() -> one.pair.post(one.ring, 1), "is in state RESET");
    one.pair.toInit(1, 0, Access.LOCAL_WRITE);
    assertViolation(() -> one.pair.post(one.ring, 1), "is in state INIT");
  }

  @Test
  void moreRangesThanAQueuePairIsMadeFor() {
    TestEndpoint.connect(one, other);
    int key = one.register(memory).localKey();
    try (SendWorkRequestRing ring = new SendWorkRequestRing(1, TestEndpoint.ELEMENTS + 1)) {
      ring.set(0, 1, true, true, memory.address(), 8, key, memory.address(), 1);
      for (int i = 0; i < TestEndpoint.ELEMENTS; i++) {
        ring.add(0, memory.address(), 8, key);
      }
      assertViolation(() -> one.pair.post(ring, 1), "with 5 elements");
    }
  }

  @Test
  void moreRangesThanADeviceTakesInAReadButNotInAWrite() {
    verbs.device("sim0").limitElements(TestEndpoint.ELEMENTS, 1);
    TestEndpoint.connect(one, other);
    MemoryRegion mine = one.register(memory);
    MemoryRegion theirs = other.register(memory);
    for (boolean write : new boolean[] {true, false}) {
      one.ring.set(
          0,
          1,
          write,
          true,
          memory.address(),
          8,
          mine.localKey(),
          memory.address() + 64,
          theirs.remoteKey());
      one.ring.add(0, memory.address() + 8, 8, mine.localKey());
      if (write) {
        assertThat(one.pair.post(one.ring, 1)).isEqualTo(1);
        assertThat(one.awaitCompletions()).isEqualTo(1);
      } else {
        assertViolation(() -> one.pair.post(one.ring, 1), "up to 1");
      }
    }
  }

  @Test
  void aSendQueueThatOverflows() {
    TestEndpoint.connect(one, other);
    fill(TestEndpoint.SEND_WORK_REQUESTS, one.register(memory), false);
    // 32 were asked for and 63 granted; unsignalled ones give no slot back.
    one.pair.post(one.ring, TestEndpoint.SEND_WORK_REQUESTS);
    assertViolation(
        () -> one.pair.post(one.ring, TestEndpoint.SEND_WORK_REQUESTS), "has overflown: 63");
  }

  @Test
  void aCompletionQueueThatOverflows() {
    CompletionQueue small = one.context.createCompletionQueue(1, one.channel, 0);
    QueuePair pair = one.domain.createQueuePair(small, 4, 0, 1, 0);
    pair.toInit(1, 0, Access.LOCAL_WRITE);
    pair.toReadyToReceive(one.readyToReceive(other.pair.number(), other.gid));
    pair.toReadyToSend(TestEndpoint.readyToSend());
    fill(4, one.register(memory), true);
    assertThat(small.capacity()).isEqualTo(1);
    pair.post(one.ring, 2);
    pair.toError();
    assertThat(fabric.violations()).hasSize(1).first().asString().contains("has overflown");
    assertThatThrownBy(() -> small.poll(one.completions))
        .isInstanceOf(NativeCallException.class)
        .hasMessageContaining("ibv_poll_cq");
    assertThat(one.context.takeAsyncEvent())
        .contains(new AsyncEvent(AsyncEventType.COMPLETION_QUEUE_ERROR, 0));
  }

  @Test
  void memoryThatIsUsedAfterItsRegistrationHasEnded() {
    TestEndpoint.connect(one, other);
    MemoryRegion region = one.register(memory);
    fill(1, region, true);
    region.close();
    assertViolation(() -> one.pair.post(one.ring, 1), "is deregistered");
  }

  @Test
  void aRegistrationThatEndsUnderARequest() {
    TestEndpoint.connect(one, other);
    fabric.faults().hold();
    MemoryRegion region = one.register(memory);
    fill(1, region, true);
    one.pair.post(one.ring, 1);
    assertViolation(region::close, "is used by requests of queue pair");
  }

  @Test
  void whatIsDestroyedTwiceOrInTheWrongOrder() {
    MemorySegment context = one.context.handle();
    MemorySegment domain = verbs.allocPd(context);
    MemorySegment region = verbs.regMr(domain, memory.address(), 8, Access.LOCAL_WRITE);
    assertViolation(() -> verbs.deallocPd(domain), "ibv_dealloc_pd: protection domain");
    verbs.deregMr(region);
    assertViolation(() -> verbs.deregMr(region), "ibv_dereg_mr(0x");
    verbs.deallocPd(domain);
    assertViolation(() -> verbs.deallocPd(domain), "destroyed already");
    assertViolation(() -> verbs.closeDevice(context), "is still used by 3");
    assertViolation(() -> verbs.destroyCq(one.queue.handle()), "is still used by 1");
    assertViolation(() -> verbs.destroyCompChannel(one.channel.handle()), "is still used by 1");
  }

  @Test
  void aQueuePairThatIsUsedAfterItWasDestroyed() {
    TestEndpoint.connect(one, other);
    MemorySegment handle = MemorySegment.NULL;
    DataPath dataPath = verbs.dataPath(one.context.handle());
    MemorySegment queue = one.queue.handle();
    one.queue.close();
    assertViolation(
        () -> dataPath.pollCq(queue, 16, one.completions.segment()), "is destroyed already");
    assertViolation(() -> verbs.destroyQp(handle), "ibv_destroy_qp(0x0)");
  }

  @Test
  void eventsThatAreReadBlockingOrNeverAcknowledged() {
    MemorySegment channel = verbs.createCompChannel(one.context.handle());
    assertViolation(() -> verbs.getCqEvent(channel), "would block");
    MemorySegment queue = verbs.createCq(one.context.handle(), 4, one.channel.handle(), 0);
    assertViolation(() -> verbs.ackCqEvents(queue, 1), "more than there were");
  }

  @Test
  void whatIsLeftOpen() {
    one.register(memory);
    assertThat(fabric.openHandles())
        .contains(
            "context of a/sim0",
            "context of a/sim1",
            String.format("registration 0x%x+4096 of a/sim0", memory.address()));
    one.close();
    other.close();
    assertThat(fabric.openHandles()).isEmpty();
    assertThat(fabric.violations()).isEmpty();
  }
}
