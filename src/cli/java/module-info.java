// SPDX-License-Identifier: Apache-2.0
/**
 * The command. It is compiled as a module, so that the compiler lets it use only what the library
 * exports; it runs on the class path. HdrHistogram and XChart have no module names and stay on the
 * class path.
 */
@org.jspecify.annotations.NullMarked
module io.transferengine.cli {
  requires io.transferengine;
  requires com.fasterxml.jackson.core;
  requires info.picocli;
  requires java.desktop;
  requires jdk.management;
  requires me.tongfei.progressbar;
}
