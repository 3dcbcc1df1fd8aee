// SPDX-License-Identifier: Apache-2.0
package io.transferengine.tls;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.config.Settings;
import io.transferengine.testkit.LogCapture;
import io.transferengine.testkit.TestAuthority;
import io.transferengine.testkit.TestAuthority.Identity;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.time.Instant;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A running engine says again and again that its certificate expires soon. */
@Timeout(60)
class OwnCertificateTest {
  private static final Duration LOOK = Duration.ofHours(1);

  @TempDir private static Path folder;

  private final LogCapture log = new LogCapture();
  private Instant now = Instant.now().plus(Duration.ofMinutes(5));

  /** Looks every hour, as an engine does every second; {@return what was said} */
  private String look(OwnCertificate certificate, Duration until) {
    for (Duration passed = Duration.ZERO; passed.compareTo(until) < 0; passed = passed.plus(LOOK)) {
      now = now.plus(LOOK);
      certificate.refresh();
    }
    return String.join("\n", log.take());
  }

  private static void replace(Identity identity, Identity by) throws IOException {
    Files.copy(by.key(), identity.key(), StandardCopyOption.REPLACE_EXISTING);
    Files.copy(by.certificate(), identity.certificate(), StandardCopyOption.REPLACE_EXISTING);
  }

  @Test
  void itSaysSoOnceADayAndWhenTheFilesChange() throws IOException {
    TestAuthority authority = new TestAuthority(folder, "authority");
    Identity used = authority.issue("used", "-validity", "20");
    try (log) {
      OwnCertificate certificate =
          new OwnCertificate(Settings.fromMap(used.variables()), () -> now);
      assertThat(look(certificate, Duration.ofDays(5))).isEmpty();
      // From now on it expires within 14 days; the first look that sees it says so.
      assertThat(look(certificate, Duration.ofHours(25)))
          .containsOnlyOnce("expires in")
          .contains(used.certificate().toString(), "13 days", "put a new one there");
      assertThat(look(certificate, Duration.ofDays(1))).containsOnlyOnce("expires in 12 days");
      assertThat(look(certificate, Duration.ofDays(2)).lines())
          .hasSize(2)
          .allMatch(line -> line.contains("expires in"));
      // A clock that is set back does not silence it.
      now = now.minus(Duration.ofDays(3));
      assertThat(look(certificate, LOOK)).containsOnlyOnce("expires in");

      replace(used, authority.issue("short", "-validity", "12"));
      assertThat(look(certificate, LOOK)).containsOnlyOnce("expires in");
      replace(used, authority.issue("long", "-validity", "400"));
      assertThat(look(certificate, LOOK)).doesNotContain("expire");
      assertThat(look(certificate, Duration.ofDays(30))).isEmpty();
      now = now.plus(Duration.ofDays(400));
      assertThat(look(certificate, Duration.ofDays(3)).lines())
          .hasSize(3)
          .allMatch(line -> line.contains("expired on") && line.contains("put a new one there"));
    }
  }
}
