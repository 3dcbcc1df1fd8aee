// SPDX-License-Identifier: Apache-2.0
package io.transferengine.tls;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.testkit.TestAuthority;
import java.nio.file.Path;
import java.security.cert.X509Certificate;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class PeerNamesTest {
  /** Some authorities sign whatever URI is asked for. */
  @Test
  void noCertificateHasTheNameOfAToken(@TempDir Path folder) {
    TestAuthority authority = new TestAuthority(folder, "authority");
    Path file =
        authority
            .issue(
                "a", "-ext", "san=uri:token:one,uri:TOKEN:two,uri:subject:b,uri:spiffe://c/d,dns:e")
            .certificate();
    X509Certificate certificate = PemFiles.certificates("test", file.toString()).getFirst();
    assertThat(PeerNames.of(certificate)).containsExactlyInAnyOrder("spiffe://c/d", "e");
  }
}
