// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.soak;

import io.transferengine.cli.console.CommandEnvironment;
import java.nio.file.Path;

/**
 * How the processes of a group are made.
 *
 * @param folder for memory and logs
 * @param protocol of their engines
 */
record Setup(CommandEnvironment environment, Path folder, String protocol, Variant variant) {}
