// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.transferengine.config.Settings;
import io.transferengine.metrics.Counter;
import io.transferengine.metrics.recording.EngineMetrics;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Small notifications are limited by their number. */
@Timeout(60)
class NotificationCountTest {
  private static final int LIMIT = 65_536;
  private static final InetAddress FROM = InetAddress.ofLiteral("127.0.0.1");

  private final EngineMetrics metrics = new EngineMetrics();
  private final Notifications notifications =
      new Notifications(
          Settings.fromMap(
              Map.of(
                  "TE_NOTIFICATIONS_LIMIT_BYTES", "1073741824",
                  "TE_NOTIFICATIONS_PER_PEER_LIMIT_BYTES", "1073741824")),
          metrics);

  private void add() {
    notifications.add(
        FROM, "{\"name\":\"n\",\"notify_msg\":\"m\"}".getBytes(StandardCharsets.UTF_8));
  }

  @Test
  void oneMoreThanTheLimitIsRefusedAndFetchingMakesRoom() {
    for (int i = 0; i < LIMIT; i++) {
      add();
    }
    assertThatThrownBy(this::add)
        .isInstanceOfSatisfying(
            TransferException.class,
            e -> assertThat(e.code()).isEqualTo(ErrorCode.TOO_MANY_REQUESTS))
        .hasMessageContaining(LIMIT + " notifications wait");
    assertThat(metrics.snapshot().get(Counter.NOTIFICATIONS_DROPPED)).isEqualTo(1);
    assertThat(notifications.drain()).hasSize(LIMIT);
    add();
    assertThat(notifications.drain()).hasSize(1);
  }
}
