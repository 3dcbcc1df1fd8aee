// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metrics.recording;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.transferengine.access.PeerIdentity;
import io.transferengine.metrics.Counter;
import io.transferengine.testkit.LogCapture;
import java.net.InetAddress;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class AuditTest {
  private static final InetAddress HERE = InetAddress.getLoopbackAddress();

  private final EngineMetrics metrics = new EngineMetrics();
  private final Audit audit = new Audit(metrics);

  @Test
  void eachIsCountedAndTheFirstOfEachReasonIsSaid() {
    PeerIdentity peer = PeerIdentity.unproved(HERE);
    try (LogCapture log = new LogCapture()) {
      for (int i = 0; i < 1000; i++) {
        audit.refused(Audit.Reason.RIGHTS, Audit.Port.DATA, peer, "number " + i);
      }
      // Many of one kind do not hide the first of another.
      audit.refused(Audit.Reason.POLICY, Audit.Port.DATA, peer, "something else");
      assertThat(log.warnings())
          .contains(
              "Refused 127.0.0.1: number 0 [RIGHTS]", "Refused 127.0.0.1: something else [POLICY]")
          .hasSizeLessThan(100);
    }
    assertThat(metrics.snapshot().get(Counter.ACCESS_REFUSED_BY_RIGHTS)).isEqualTo(1000);
    assertThat(metrics.snapshot().get(Counter.ACCESS_REFUSED_BY_POLICY)).isEqualTo(1);
  }

  @Test
  void aPeerIsShownByItsNamesOnOneLine() {
    PeerIdentity peer = PeerIdentity.proved(HERE, List.of("a.example", "b\nERROR forged"));
    try (LogCapture log = new LogCapture()) {
      audit.refused(Audit.Reason.POLICY, Audit.Port.DATA, peer, "a read");
      assertThat(log.warnings())
          .singleElement()
          .asString()
          .startsWith("Refused a.example, b")
          .endsWith(" at 127.0.0.1: a read [POLICY]")
          .doesNotContain("\n");
    }
  }

  @Test
  void whoHasProvedSomethingHasAName() {
    assertThatThrownBy(() -> PeerIdentity.proved(HERE, List.of()))
        .isInstanceOf(IllegalArgumentException.class);
    assertThat(PeerIdentity.unproved(HERE).isProved()).isFalse();
    assertThat(PeerIdentity.proved(HERE, List.of("a")))
        .isEqualTo(PeerIdentity.proved(HERE, List.of("a")))
        .isNotEqualTo(PeerIdentity.unproved(HERE));
  }
}
