// SPDX-License-Identifier: Apache-2.0
package io.transferengine.net;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetAddress;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class SharesTest {
  private static final InetAddress ONE = InetAddress.ofLiteral("127.0.0.1");
  private static final InetAddress TWO = InetAddress.ofLiteral("127.0.0.2");
  private static final InetAddress THREE = InetAddress.ofLiteral("127.0.0.3");

  @Test
  void oneAddressGetsHalfAndAllOfThemTheWhole() {
    Shares shares = new Shares(4);
    assertThat(shares.take(ONE)).isTrue();
    assertThat(shares.take(ONE)).isTrue();
    assertThat(shares.take(ONE)).isFalse();
    assertThat(shares.take(TWO)).isTrue();
    assertThat(shares.take(THREE)).isTrue();
    assertThat(shares.take(TWO)).isFalse();
    shares.giveBack(ONE);
    assertThat(shares.take(TWO)).isTrue();
    assertThat(shares.take(ONE)).isFalse();
    shares.giveBack(THREE);
    assertThat(shares.take(TWO)).isFalse();
    assertThat(shares.take(ONE)).isTrue();
  }
}
