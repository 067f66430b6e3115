#pragma once

// File descriptors on their way between processes of the family.
//
// A descriptor cannot lie in shared memory. While one is under way, the kernel keeps the file, in a
// store (sys/descriptor_store.hpp) that every process of the family has: neither its sender nor
// anybody else is needed for it to arrive. In the arena it is an object, so that a message lists it
// like any handle, and the store gives the file up as soon as the last such message has gone.
//
// Layout: object of kind `descriptor`, whose payload is
//   0   gone   1: nobody can ask for it any more
// and in the store, oldest first, messages (object id, 0) with the file, or (0, number) without
// one: the mark of somebody who turns the store over; or (kKept, number) with a file that stays
// open until the last process of the family has ended, or another one is kept.
//
//                 send                        last holder goes              whoever has the lock
//   (no file) ------------> in the store ------------------------> gone ----------------------> -
//
// Invariants
//   I1  The store is touched by the holder of the lock (family_words[kStoreLock]) only.
//   I2  A message that is moved to the end is put there again before the old one is dropped: an
//       object has one message in the store, or two that are alike.
//   I3  `gone` is set before `kStoreGone` is counted up, and whoever gives the lock back looks at
//       that count: what has gone is dropped by somebody.
//
// Ordering. Each pair is named where it is used.
//   [G] gone, count up (seq_cst), try the lock -> give the lock back, look at the count (seq_cst)
//
// Death
//   before the file is in the store      the object is swept: nothing is there to drop
//   after it, before the message is      the object is swept, hence gone
//   a receiver, at any step              the store keeps the file for others
//   between copy and drop of a turn      two alike; both go when the object is gone
//   turning the store over               its mark stays: whoever comes upon it drops it
//   holding the lock                     the next one takes the lock from the dead
//   `gone` set, not dropped              the next user of the store, or the next one to go, does it
// Points: store.put.stored, store.turn.copied, store.gone.counted, store.lock.taken

#include <array>

#include "shm/object.hpp"
#include "sys/fd.hpp"

namespace multiprocessing::shm {

/// An object for a duplicate of what `fd` stands for, held by this process; one count is the
/// caller's.
/// \throws std::system_error naming sendmsg (EBADF; ENOBUFS: some hundred are under way already;
/// ETOOMANYREFS), ArenaExhausted, TransferError where there is no store, KeyboardInterrupt
LocalHold* send_descriptor(int fd);

/// A descriptor of this process for the object, which the caller holds.
/// \throws TransferError if the file was lost, or there is no store here; std::system_error naming
/// recvmsg (EMFILE), KeyboardInterrupt
[[nodiscard]] sys::UniqueFd receive_descriptor(ObjectId id);

/// Keeps what `fd` stands for open until the last process of the family has ended, however it ends,
/// or family_words[kSegmentList] is no more `number`, which it must be by now. False: there is no
/// store here, or no room in it.
[[nodiscard]] bool keep_descriptor(int fd, std::uint64_t number);

/// Makes the family's store, unless that has been done. Before the first child is born: who has no
/// store at birth will never have one.
void ensure_descriptor_store() noexcept;

/// The ends of the store, for a child that does not inherit them; -1 where there is none.
[[nodiscard]] std::array<int, 2> descriptor_store() noexcept;

/// In such a child, once: takes them over; closes them if they are no sockets.
void adopt_descriptor_store(sys::UniqueFd put_end, sys::UniqueFd take_end);

}  // namespace multiprocessing::shm
