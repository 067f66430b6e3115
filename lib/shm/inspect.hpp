#pragma once

// What the arena tells about the whole family to somebody who only looks: processes, objects, who
// sleeps on what.
//
// Nothing is held, locked or waited for. What is read may change or go meanwhile: a block is looked
// at only while its word says that it is published, its memory stays mapped, a reference is
// followed only through `linked`, and an object whose word has changed by the end is left out. So a
// line may be stale, and one about an object that goes at this moment may be wrong.
//
// Ordering: acquire on block words and locations; the rest is a guess.
//
// Death: nothing is written.

#include <string>
#include <vector>

#include "shm/object.hpp"
#include "shm/process_table.hpp"

namespace multiprocessing::shm {

/// Appends what there is to know about a live object, as "held by Process-1 (pid 12)". Reads
/// atomics and constants only. May throw std::bad_alloc.
using Describe = void (*)(ObjectHeader& object, std::string& out);
/// `name` is what people call the kind.
void register_describer(ObjectKind kind, const char* name, Describe describe) noexcept;

struct SeenProcess {
  Name name;
  Name parent;  // nobody: the main process, or unknown
  pid_t pid = 0;
  std::string title;
  bool dead = false;  // has ended and was not swept yet
};

struct SeenObject {
  ObjectId id = 0;
  std::string kind;
  std::string text;
  std::vector<Name> waiting;
};

struct SeenSleeper {
  Name name;
  ObjectId object = 0;  // 0: none that we know
};

struct Seen {
  std::vector<SeenProcess> processes;
  std::vector<SeenObject> objects;
  std::vector<SeenSleeper> sleepers;
};

Seen inspect();

/// "Process-1 (pid 12)".
std::string person(Name name);

/// The block that a location refers to, if it is published and has `bytes`; else nullptr.
std::byte* linked(const Location& location, std::uint64_t bytes) noexcept;

}  // namespace multiprocessing::shm
