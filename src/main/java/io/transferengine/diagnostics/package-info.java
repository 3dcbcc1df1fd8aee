// SPDX-License-Identifier: Apache-2.0
/**
 * What an engine would find on this machine, in the environment and in a metadata service. For
 * programs that report on it, as the command's doctor does. Nothing here moves bytes.
 */
@NullMarked
package io.transferengine.diagnostics;

import org.jspecify.annotations.NullMarked;
