// SPDX-License-Identifier: Apache-2.0
/**
 * The command: {@code ./te}, and a jar of its own. It uses only the exported packages of the
 * library. It prints, which the library does not.
 *
 * <p>Each task has a package. All use {@code console} (options, tables, exit statuses); {@code
 * demo}, {@code bench} and {@code doctor} use {@code target} (a second process, and memory on both
 * sides). Tasks do not use each other.
 */
package io.transferengine.cli;
