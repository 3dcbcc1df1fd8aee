// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.netty.util.concurrent.EventExecutor;
import io.transferengine.config.Settings;
import io.transferengine.metrics.recording.Audit;
import io.transferengine.net.Place;
import io.transferengine.net.Places;
import io.transferengine.transport.AccessControl;
import java.lang.reflect.Proxy;
import java.net.InetAddress;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** How long a target's connection may stay. */
@Timeout(60)
class InboundTimeoutsTest {
  private static final InetAddress ONE = InetAddress.ofLiteral("127.0.0.1");
  private static final InetAddress TWO = InetAddress.ofLiteral("127.0.0.2");

  /** Else it would go on without a place, and beyond the limit. */
  @Test
  void whoCouldNotBeToldOfItsEvictionEndsAtTheNextLook() {
    AtomicInteger ended = new AtomicInteger();
    EventExecutor full =
        (EventExecutor)
            Proxy.newProxyInstance(
                getClass().getClassLoader(),
                new Class<?>[] {EventExecutor.class},
                (_, _, _) -> {
                  throw new OutOfMemoryError("meant to be thrown");
                });
    try (FedTarget target = new FedTarget(4096)) {
      TargetContext context =
          new TargetContext(
              target.regions,
              target.metrics,
              new AccessControl(Optional.empty(), new Audit(target.metrics)),
              TcpOptions.of(Settings.builder().build()),
              () -> "0123456789abcdef",
              target.staging);
      InboundTimeouts timeouts =
          new InboundTimeouts(context, full, ONE, () -> false, ended::incrementAndGet);
      Places places = new Places(1, 1, 0);
      assertThat(places.enter(timeouts.place()).admitted()).isTrue();
      timeouts.moved();
      timeouts.restIfIdle();
      assertThatThrownBy(() -> places.enter(new Place(TWO, () -> {})))
          .isInstanceOf(OutOfMemoryError.class);
      assertThat(ended).hasValue(0);
      assertThat(places.enter(new Place(TWO, () -> {})).admitted()).as("its place").isTrue();
      timeouts.endIfOverdue(target.channel, target.connection.outbound(), System.nanoTime(), 0);
      assertThat(ended).hasValue(1);
    }
  }
}
