// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.transferengine.cli.console.CommandException;
import io.transferengine.cli.target.MemoryPlace;
import io.transferengine.cli.target.MemoryPlaces;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;

class MemoryOptionsTest {
  private static MemoryOptions read(String... arguments) {
    MemoryOptions options = new MemoryOptions();
    var _ = new CommandLine(options).parseArgs(arguments);
    options.requireValid(true, true);
    return options;
  }

  @Test
  void isASizeOrAPlaceOrBoth() {
    assertThat(read().places()).isEqualTo(MemoryPlaces.HOST);
    assertThat(read().bytes()).isNull();
    assertThat(read("--memory=64M").bytes()).isEqualTo(64L << 20);
    assertThat(read("--memory=host,1G", "--target-memory=host").bytes()).isEqualTo(1L << 30);
    assertThat(read("--managed").places())
        .isEqualTo(new MemoryPlaces(MemoryPlace.MANAGED, MemoryPlace.MANAGED));
    assertThat(MemoryPlace.named("cuda:12")).contains(new MemoryPlace(false, 12));
    assertThat(MemoryPlace.named("cuda:")).isEmpty();
  }

  @Test
  void anythingElseIsRefused() {
    assertThatThrownBy(() -> read("--memory=cuda:x"))
        .isInstanceOf(CommandException.class)
        .hasMessageContaining("--memory cuda:x: give host or cuda:N, or a size such as 512M");
    assertThatThrownBy(() -> read("--target-memory=512M"))
        .hasMessageContaining("--target-memory 512M: give host or cuda:N");
    assertThatThrownBy(() -> read("--managed", "--memory=cuda:0"))
        .hasMessageContaining("does not go with --managed");
  }
}
