// SPDX-License-Identifier: Apache-2.0
/**
 * Who may do what with registered memory: the rights of a registration ({@link
 * io.transferengine.access.AccessRights}), who a peer is ({@link
 * io.transferengine.access.PeerIdentity}), and what the program says of both ({@link
 * io.transferengine.access.AccessPolicy}).
 */
@NullMarked
package io.transferengine.access;

import org.jspecify.annotations.NullMarked;
