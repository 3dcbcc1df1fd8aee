// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.console;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.Properties;
import picocli.CommandLine.IVersionProvider;

/** The version of this build. */
public final class Version implements IVersionProvider {
  /** The build writes the version into this file. */
  private static final String FILE = "/io/transferengine/cli/command.properties";

  Version() {}

  /** {@return the version of the build, such as 0.1.0} */
  public static String ofBuild() {
    Properties properties = new Properties();
    try (InputStream in = Version.class.getResourceAsStream(FILE)) {
      if (in != null) {
        properties.load(in);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return properties.getProperty("version", "unknown");
  }

  @Override
  public String[] getVersion() {
    CommandEnvironment environment = CommandEnvironment.current();
    return new String[] {
      "te " + ofBuild(),
      "JDK " + environment.javaVersion() + " in " + environment.javaHome(),
      environment.system() + ", " + environment.architecture()
    };
  }
}
