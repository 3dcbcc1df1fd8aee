// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.testkit.ChildJvm;
import io.transferengine.testkit.DocumentedProject;
import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What {@code docs/EXTENDING.md} shows works, on both paths, with exported packages alone. */
@Timeout(180)
class ExtendingTest {
  /** A reader has no log backend, and SLF4J says so. */
  private static final String QUIET = "-Dslf4j.internal.verbosity=ERROR";

  @TempDir Path folder;

  @Test
  void aStoreOnTheClassPathIsFoundByItsScheme() throws Exception {
    Path jar = DocumentedProject.extract("folder-store", folder).jar();
    assertThat(
            run(
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                DocumentedProject.library() + File.pathSeparator + jar,
                "folder.Example",
                records()))
        .isEqualTo("found in a folder\n");
  }

  @Test
  void aStoreOnTheModulePathIsFoundByItsScheme() throws Exception {
    Path jar = DocumentedProject.extract("folder-store", folder).modularJar();
    assertThat(
            run(
                "--enable-native-access=io.transferengine,io.netty.common",
                "-p",
                DocumentedProject.library() + File.pathSeparator + jar,
                "-m",
                "folder.store/folder.Example",
                records()))
        .isEqualTo("found in a folder\n");
  }

  /** A folder for records, which the first engine finds empty. */
  private String records() throws Exception {
    return Files.createDirectories(folder.resolve("records")).toString();
  }

  private static String run(String... arguments) throws Exception {
    List<String> command = new ArrayList<>(List.of(QUIET));
    command.addAll(List.of(arguments));
    ChildJvm.Result result = ChildJvm.java(command);
    assertThat(result.exitStatus()).as(result.output()).isZero();
    return result.output();
  }
}
