#pragma once

// The named segments of a family, in a file beside them: so that they go with the family, and what
// a family that was killed whole has left goes at the program's next start.
//
// Layout: /dev/shm/multiprocessing-USER-NUMBER (16 hex digits), records of 512 bytes
//
//   0     magic       "MPSEGM01"; 0: no record
//   8     device      of the segment
//   16    inode       of the segment: a name that stands for another file is none of ours
//   24    name        below /dev/shm, zero-terminated
//
// family_words[kSegmentList] is the number of the family's list; 0: it has none. The list's file
// is locked (byte 0, ofd.hpp) by a description that the family's store keeps (descriptor.hpp), so
// that the kernel lets the lock go with the last process of the family, however that ends.
//
//             publish                               the file of that name
//   (none) ---------> listed ----------> linked ---------------------------> (none)
//                     (no such file)              unlisted, by the unlinker
//
// Invariants
//   I1  The list is touched by the holder of family_words[kSegmentsLock] only; when no process of
//       the family is left, by whoever locks its byte 0.
//   I2  A segment is listed before it has its name, and both happen under the lock.
//   I3  A name is removed only if it stands for the file that was listed.
//   I4  A record lies within one page: the kernel writes it whole.
//
// Death
//   before the record is written         a file without a name, which the kernel frees
//   after it, before the link            a record without a file: dropped when records are looked
//                                        through
//   after the link                       a segment that is removed with the family
//   the number set, the list not linked  the next one finds no list and makes another
//   unlinked, not unlisted               a record without a file
//   the list's last record gone          an empty list: removed with the family
//   the whole family                     the lock is free: the next start of a program of this user
//                                        removes what is listed, but for what others still have
//                                        open, which a later start looks at again
// Points: segment.listed .linked .unlinked, segment.list.numbered .linked

#include <string>

#include "sys/named_memory.hpp"

namespace multiprocessing::shared {

/// Lists the file under `name` and links it. False: the name is taken, and nothing is listed.
/// \throws std::system_error naming what failed and the list (ENOSPC), KeyboardInterrupt
[[nodiscard]] bool publish_segment(const sys::NamelessFile& file, const std::string& name);

/// For a name that has been removed: it is listed no more. \throws KeyboardInterrupt
void unlist_segment(const std::string& name, const sys::FileStatus& file);

/// Removes the segments of all families of this user of which no process is left.
void clean_up_after_the_dead();

}  // namespace multiprocessing::shared
