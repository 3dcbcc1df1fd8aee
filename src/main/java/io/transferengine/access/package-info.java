// SPDX-License-Identifier: Apache-2.0
/**
 * Who may do what with registered memory: the rights of a registration ({@link
 * io.transferengine.access.AccessRights}) and who a peer is ({@link
 * io.transferengine.access.PeerIdentity}).
 */
@NullMarked
package io.transferengine.access;

import org.jspecify.annotations.NullMarked;
