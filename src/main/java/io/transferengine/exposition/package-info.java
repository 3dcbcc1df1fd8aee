// SPDX-License-Identifier: Apache-2.0
/**
 * Figures as text, over HTTP: the port, and what has to make the text. Who makes it is found as a
 * provider, since that needs a library that most engines do without.
 */
@NullMarked
package io.transferengine.exposition;

import org.jspecify.annotations.NullMarked;
