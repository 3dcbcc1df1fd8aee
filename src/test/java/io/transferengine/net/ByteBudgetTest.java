// SPDX-License-Identifier: Apache-2.0
package io.transferengine.net;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetAddress;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class ByteBudgetTest {
  private static final InetAddress ONE = InetAddress.ofLiteral("127.0.0.1");
  private static final InetAddress TWO = InetAddress.ofLiteral("127.0.0.2");
  private static final InetAddress THREE = InetAddress.ofLiteral("127.0.0.3");

  private final ByteBudget budget = new ByteBudget("ALL", 100, "EACH", 60);

  @Test
  void toTheByteForOneAddressAndForAll() {
    assertThat(budget.reserve(ONE, 59)).isEmpty();
    assertThat(budget.reserve(ONE, 2).orElseThrow()).contains("EACH", "59 of 60", "127.0.0.1");
    assertThat(budget.reserve(ONE, 1)).isEmpty();
    assertThat(budget.reserve(TWO, 41).orElseThrow()).contains("ALL", "60 of 100");
    assertThat(budget.reserve(TWO, 40)).isEmpty();
    assertThat(budget.reserve(THREE, 1)).isPresent();
    assertThat(budget.heldBytes()).isEqualTo(100);
    budget.release(TWO, 40);
    budget.release(ONE, 1);
    assertThat(budget.reserve(ONE, 2)).isPresent();
    assertThat(budget.reserve(THREE, 41)).isEmpty();
    budget.release(ONE, 59);
    budget.release(THREE, 41);
    assertThat(budget.heldBytes()).isZero();
  }

  @Test
  void noSumOverflows() {
    assertThat(budget.reserve(ONE, 1)).isEmpty();
    assertThat(budget.reserve(ONE, Long.MAX_VALUE)).isPresent();
    assertThat(budget.reserve(TWO, Long.MAX_VALUE)).isPresent();
    assertThat(budget.heldBytes()).isEqualTo(1);
  }
}
