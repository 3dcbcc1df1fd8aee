// SPDX-License-Identifier: Apache-2.0
/**
 * The command: {@code ./te}, and a jar of its own. It is compiled against the exported packages of
 * the library, and prints, which the library does not.
 *
 * <p>A package for each task: {@code console} (options, tables, exit statuses) is used by all,
 * {@code target} (a second process, and memory on both sides) by {@code demo}, {@code bench} and
 * {@code doctor}. Tasks do not see each other.
 */
package io.transferengine.cli;
