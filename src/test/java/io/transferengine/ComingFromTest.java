// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.BlockLayout;
import io.transferengine.transfer.TransferRequest;
import java.io.IOException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What {@code docs/COMING-FROM.md} promises those who come is there. */
@Timeout(60)
class ComingFromTest {
  private static final Pattern METHOD = Pattern.compile("`([A-Z]\\w+)\\.([a-z]\\w+)`");

  private static final List<Class<?>> TYPES =
      List.of(
          TransferEngine.class,
          Engine.class,
          EngineConfig.class,
          Allocation.class,
          Registration.class,
          Segment.class,
          Transfer.class,
          TransferRequest.class,
          BlockColumns.class,
          BlockLayout.class);

  @Test
  void everyMethodThatIsNamedExists() throws IOException {
    List<MatchResult> named =
        METHOD.matcher(Files.readString(Path.of("docs/COMING-FROM.md"))).results().toList();

    assertThat(named).hasSizeGreaterThan(40);
    assertThat(named).allSatisfy(ComingFromTest::requirePublic);
  }

  private static void requirePublic(MatchResult named) {
    Class<?> type =
        TYPES.stream()
            .filter(candidate -> candidate.getSimpleName().equals(named.group(1)))
            .findFirst()
            .orElseThrow(() -> new AssertionError("no type " + named.group(1)));
    assertThat(Stream.of(type.getMethods()))
        .as(named.group())
        .filteredOn(method -> Modifier.isPublic(method.getModifiers()))
        .extracting(Method::getName)
        .contains(named.group(2));
  }
}
