// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metadata.http;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.metadata.server.HttpMetadataServer;
import io.transferengine.testkit.ChildJvm;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * What the client loads for a first call is loaded before: on a slow machine it took all the time
 * that the service had.
 */
@Timeout(120)
class HttpFirstUseTest {
  private static final Pattern CLASSES = Pattern.compile("classes: (\\d+) (\\d+)");

  @Test
  void theFirstCallFindsItsClassesLoaded() throws Exception {
    try (HttpMetadataServer server = HttpMetadataServer.start("127.0.0.1", 0)) {
      String url = server.connectionString("127.0.0.1");
      Matcher port = Pattern.compile(":(\\d+)/").matcher(url);
      assertThat(port.find()).as(url).isTrue();
      ChildJvm.Result result =
          ChildJvm.run(
              List.of(),
              ChildJvm.classPath(_ -> true),
              List.of(),
              FirstCallMain.class,
              port.group(1));
      Matcher counts = CLASSES.matcher(result.output());
      assertThat(counts.find()).as(result.output()).isTrue();
      long gettingReady = Long.parseLong(counts.group(1));
      long firstCall = Long.parseLong(counts.group(2));
      assertThat(firstCall).as(counts.group()).isLessThan(gettingReady / 4);
    }
  }
}
