// SPDX-License-Identifier: Apache-2.0
package io.transferengine.tls;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

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
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Function;
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

  /** Else the first connections after a change would be held up by it, on their event loops. */
  @Test
  void whatOthersMakeOfTheFilesIsMadeBeforeNewOnesAreUsed() throws IOException {
    TestAuthority authority = new TestAuthority(folder, "makers");
    Identity used = authority.issue("used", "-validity", "100");
    List<TlsMaterial> materials = new ArrayList<>();
    AtomicBoolean isFull = new AtomicBoolean();
    Function<TlsMaterial, String> maker =
        material -> {
          if (isFull.get()) {
            throw new OutOfMemoryError("meant to be thrown");
          }
          materials.add(material);
          return "made " + materials.size();
        };
    try (log) {
      OwnCertificate certificate =
          new OwnCertificate(Settings.fromMap(used.variables()), () -> now);
      assertThat(certificate.setup().made(String.class, maker)).contains("made 1");
      assertThat(certificate.setup().made(String.class, maker)).contains("made 1");
      replace(used, authority.issue("new", "-validity", "200"));
      certificate.refresh();
      assertThat(materials).as("made without a question").hasSize(2).doesNotHaveDuplicates();
      assertThat(certificate.setup().made(String.class, maker)).contains("made 2");
      isFull.set(true);
      replace(used, authority.issue("newer", "-validity", "300"));
      assertThatThrownBy(certificate::refresh).isInstanceOf(OutOfMemoryError.class);
      assertThat(certificate.setup().made(String.class, maker)).contains("made 2");
      isFull.set(false);
      certificate.refresh();
      assertThat(certificate.setup().made(String.class, maker)).contains("made 3");
      certificate.refresh();
      assertThat(materials).hasSize(3);
    }
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

  /** One mechanism for engines and our metadata server. */
  @Test
  void aServerRemindsDailyToo() {
    TestAuthority authority = new TestAuthority(folder, "servers");
    Identity used = authority.issue("soon", "-validity", "10");
    ServerTls server =
        ServerTls.of(
            new PemSource("--tls-cert", used.certificate().toString()),
            new PemSource("--tls-key", used.key().toString()),
            Optional.empty(),
            () -> now);
    assertThat(log.take()).hasSize(1);
    for (int hour = 0; hour < 73; hour++) {
      now = now.plus(LOOK);
      server.refresh();
    }
    assertThat(log.take()).hasSize(3).allMatch(line -> line.contains("expires in"));
  }
}
