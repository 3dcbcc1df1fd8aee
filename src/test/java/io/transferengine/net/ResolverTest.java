// SPDX-License-Identifier: Apache-2.0
package io.transferengine.net;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.net.InetAddress;
import java.net.UnknownHostException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class ResolverTest {
  /** Who waits for no time at all cannot have asked another thread. */
  @Test
  void anAddressNeedsNoThread() throws Exception {
    for (String literal : new String[] {"127.0.0.1", "10.0.0.7", "::1", "fd00::17"}) {
      assertThat(Resolver.addresses(literal, 0)).containsExactly(InetAddress.ofLiteral(literal));
    }
  }

  @Test
  void aNameIsAskedFor() throws Exception {
    assertThat(Resolver.addresses("localhost", 30_000))
        .isNotEmpty()
        .allMatch(InetAddress::isLoopbackAddress);
  }

  @Test
  void aNameThatNobodyKnowsSaysSo() {
    assertThatThrownBy(() -> Resolver.addresses("no such host", 30_000))
        .isInstanceOf(UnknownHostException.class)
        .hasMessageContaining("no such host");
  }
}
