// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.local;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.transferengine.os.FfmProcessMemory;
import io.transferengine.os.LifeWatch;
import io.transferengine.os.LinuxProcesses;
import io.transferengine.os.Processes;
import io.transferengine.os.SharedMapping;
import io.transferengine.testkit.Needs;
import io.transferengine.wire.HostDescriptor;
import java.util.HashSet;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Whether peers take an engine's word for its process's life. */
@Timeout(60)
class OurLifeTest {
  private static final long NUMBER = 0xabcdef12;

  private final LinuxProcesses processes = new LinuxProcesses();
  private final int pid = processes.own();
  private final Area area = new Area(NUMBER);
  private final HostDescriptor host =
      new HostDescriptor("boot", 1, pid, processes.startOf(pid), area.address());
  private final PeerAreas areas =
      new PeerAreas(
          new FfmProcessMemory(),
          processes,
          processes
              .memfd(pid, area.address(), AreaLayout.BYTES, AreaLayout.name(NUMBER))
              .orElseThrow()
              .device());
  private final SharedMapping mapping = areas.map("peer", host, NUMBER);
  private final PeerMap map = new PeerMap(mapping.memory(), area.address());
  private final Processes.Watch kernel = processes.watch(pid, host.start()).orElseThrow();

  @BeforeAll
  static void pagesCanBeSealedAndLocked() {
    Needs.lifeWord();
  }

  @AfterEach
  void end() {
    mapping.close();
    kernel.close();
    area.unmap();
  }

  private Processes.Watch watch(long incarnation) {
    return areas.withLife(host, incarnation, map, kernel);
  }

  @Test
  void anEngineWithoutAWordIsAskedOfTheKernel() {
    assertThat(watch(NUMBER)).isSameAs(kernel);
  }

  @Test
  void anEnginesWordIsTakenAsLongAsItHasIt() {
    OurLife life = OurLife.begin(area, NUMBER);
    Processes.Watch watch = watch(NUMBER);
    assertThat(watch).isInstanceOf(LifeWatch.class);
    assertThat(watch.hasEnded()).isFalse();
    assertThat(watch(NUMBER + 1)).as("of another engine").isSameAs(kernel);
    life.end();
    assertThat(watch.hasEnded()).as("the process lives").isFalse();
    // The area still tells of it.
    assertThat(watch(NUMBER)).isSameAs(kernel);
    watch.close();
  }

  /**
   * That the thread ends is what the kernel shows; here it ends with its engine, and is waited for.
   */
  @Test
  void oneEndsAndAnotherOfTheProcessGoesOn() {
    Area othersArea = new Area(NUMBER + 2);
    // Engines of other tests may be ending.
    Set<Thread> before = threads();
    OurLife life = OurLife.begin(area, NUMBER);
    OurLife others = OurLife.begin(othersArea, NUMBER + 2);
    Set<Thread> both = threads();
    both.removeAll(before);
    assertThat(both).hasSize(2);
    life.end();
    await().until(() -> living(both) == 1);
    others.end();
    await().until(() -> living(both) == 0);
    othersArea.unmap();
  }

  private static Set<Thread> threads() {
    return Thread.getAllStackTraces().keySet().stream()
        .filter(each -> each.getName().equals("te-local-life"))
        .collect(Collectors.toCollection(HashSet::new));
  }

  private static long living(Set<Thread> threads) {
    return threads.stream().filter(Thread::isAlive).count();
  }

  @Test
  void whatAnAreaSaysIsNotBelieved() {
    OurLife life = OurLife.begin(area, NUMBER);
    long at = area.address();
    long address = map.word(AreaLayout.LIFE_AT);
    long descriptor = map.word(AreaLayout.LIFE_DESCRIPTOR_AT);
    map.mark(at + AreaLayout.LIFE_AT, at);
    assertThat(watch(NUMBER)).as("another memfd").isSameAs(kernel);
    map.mark(at + AreaLayout.LIFE_AT, -1);
    assertThat(watch(NUMBER)).as("nowhere").isSameAs(kernel);
    map.mark(at + AreaLayout.LIFE_AT, address);
    map.mark(at + AreaLayout.LIFE_DESCRIPTOR_AT, map.word(AreaLayout.DESCRIPTOR_AT));
    assertThat(watch(NUMBER)).as("another descriptor").isSameAs(kernel);
    map.mark(at + AreaLayout.LIFE_DESCRIPTOR_AT, -1);
    assertThat(watch(NUMBER)).as("no descriptor").isSameAs(kernel);
    map.mark(at + AreaLayout.LIFE_DESCRIPTOR_AT, descriptor);
    Processes.Watch watch = watch(NUMBER);
    assertThat(watch).isInstanceOf(LifeWatch.class);
    watch.close();
    life.end();
  }
}
