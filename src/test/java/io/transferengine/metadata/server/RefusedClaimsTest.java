// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metadata.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Who was refused which name, for how long that is known, and of how many; with a clock of ours.
 */
@Timeout(60)
class RefusedClaimsTest {
  private long now = Long.MAX_VALUE - 5;
  private final RefusedClaims claims = new RefusedClaims(() -> now);

  private static InetAddress client(int number) {
    try {
      return InetAddress.getByAddress(new byte[] {10, 0, (byte) (number >> 8), (byte) number});
    } catch (UnknownHostException e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void eachRefusalCountsOnceForThatClientAndThatKey() {
    claims.refused(client(1), "a");
    assertThat(claims.take(client(2), "a")).isFalse();
    assertThat(claims.take(client(1), "b")).isFalse();
    assertThat(claims.take(client(1), "a")).isTrue();
    assertThat(claims.take(client(1), "a")).isFalse();
  }

  @Test
  void itIsForgottenAfterAWhile() {
    claims.refused(client(1), "a");
    now += TimeUnit.SECONDS.toNanos(RefusedClaims.SECONDS) - 1;
    claims.refused(client(2), "a");
    now += 1;
    assertThat(claims.take(client(1), "a")).isFalse();
    assertThat(claims.take(client(2), "a")).isTrue();
  }

  @Test
  void manyMakeTheOldestGo() {
    for (int i = 0; i <= RefusedClaims.LIMIT; i++) {
      claims.refused(client(i), "a");
    }
    assertThat(claims.take(client(0), "a")).isFalse();
    assertThat(claims.take(client(1), "a")).isTrue();
    assertThat(claims.take(client(RefusedClaims.LIMIT), "a")).isTrue();
  }
}
