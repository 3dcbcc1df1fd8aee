// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.channel.EventLoop;
import io.transferengine.config.Options;
import io.transferengine.config.Settings;
import io.transferengine.metrics.recording.EngineMetrics;
import io.transferengine.testkit.Mapped;
import io.transferengine.tls.PeerTls;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.Operation;
import io.transferengine.transport.PeerEnd;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.List;
import java.util.OptionalLong;
import java.util.concurrent.TimeUnit;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Memory runs out at the end of a lane's connection. The lane goes on all the same. */
@Timeout(60)
class LaneEndTest {
  private static final WireForm FORM = new WireForm(true, false, false, OptionalLong.empty());

  /** Nobody can say what it is as long as there is no memory for that. */
  private static final class Fault extends RuntimeException {
    private static final long serialVersionUID = 1;
    boolean speakable;

    @Override
    public String getMessage() {
      if (!speakable) {
        throw new OutOfMemoryError("meant to be thrown");
      }
      return "a test's";
    }
  }

  /** The lane's peer, with no other lanes. */
  private record Alone(List<InetSocketAddress> addresses) implements LoneLane {}

  @Test
  void anEndThatCouldNotBeToldIsToldLater() {
    try (FedLane lane = new FedLane(FORM)) {
      Fault fault = new Fault();
      lane.connection.onFault(fault);
      assertThat(lane.isToldOfTheEnd()).isFalse();
      fault.speakable = true;
      // The first look only notes it.
      lane.connection.endIfStalled(0, Long.MAX_VALUE);
      lane.connection.endIfStalled(0, Long.MAX_VALUE);
      assertThat(lane.isToldOfTheEnd()).isTrue();
    }
  }

  /** Else two such lanes would wake each other again and again, and nobody else. */
  @Test
  void aConnectionThatHasEndedIsNotFreeForWork() {
    try (FedLane lane = new FedLane(FORM)) {
      assertThat(lane.load()).isZero();
      lane.connection.onFault(new Fault());
      assertThat(lane.load()).isPositive();
      lane.connection.onReadComplete();
      assertThat(lane.load()).isPositive();
    }
  }

  @Test
  void workWhoseWakeUpWasLostIsFoundByTheNextLook() throws Exception {
    EngineMetrics metrics = new EngineMetrics();
    EventLoops loops = new EventLoops(IoBackend.NIO, 1, 65_536, 1 << 20, metrics);
    try (Mapped memory = Mapped.of(4096);
        ScriptedTarget target =
            new ScriptedTarget(4096, 4096, new ScriptedTarget.Nature(true, 0, 1))) {
      PeerProfile profile =
          new PeerProfile(
              "peer",
              FORM,
              TcpOptions.of(Settings.builder().set(Options.TCP_LANES_PER_PEER, 1).build()),
              metrics,
              PeerTls.off());
      TaskQueue tasks = new TaskQueue(profile, () -> {});
      Lane lane =
          new Lane(
              profile,
              tasks,
              new Alone(List.of(target.address())),
              loops.next(),
              loops,
              IoBackend.NIO);
      FedLane.Work work =
          new FedLane.Work(
              Operation.READ, BlockColumns.of(memory.address(), ScriptedTarget.BASE, 1));
      assertThat(tasks.add(work.task)).isTrue();
      EventLoop loop = lane.loop();
      loop.submit(() -> lane.endIfStalled(System.nanoTime(), Long.MAX_VALUE))
          .get(20, TimeUnit.SECONDS);
      Awaitility.await().until(() -> work.task.completedBytes() == 1);
      lane.close(PeerEnd.SHUTDOWN);
    } finally {
      loops.close(Duration.ofSeconds(5));
    }
  }
}
