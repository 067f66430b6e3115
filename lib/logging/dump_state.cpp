#include <algorithm>
#include <map>
#include <ostream>
#include <string>

#include <multiprocessing/logging.hpp>

#include "shm/inspect.hpp"

namespace multiprocessing {
namespace {

std::string number_of(shm::ObjectId id) {
  return "#" + std::to_string(shm::BlockRef::unpack(id).id);
}

std::string people(const std::vector<shm::Name>& names) {
  std::string text;
  for (const shm::Name& name : names) text += (text.empty() ? "" : ", ") + shm::person(name);
  return text;
}

std::string megabytes(std::uint64_t bytes) {
  return std::to_string((bytes + (1U << 20U) - 1) >> 20U) + " MiB";
}

const shm::SeenObject* object_in(const shm::Seen& seen, shm::ObjectId id) {
  const auto place = std::ranges::find(seen.objects, id, &shm::SeenObject::id);
  return place != seen.objects.end() ? &*place : nullptr;
}

std::string sleep_of(const shm::Seen& seen, const shm::SeenSleeper& sleeper) {
  const shm::SeenObject* const object = object_in(seen, sleeper.object);
  if (object == nullptr) return "      sleeps\n";
  return "      waits for " + object->kind + " " + number_of(object->id) +
         (object->text.empty() ? "" : ": " + object->text.substr(0, object->text.find('\n'))) +
         "\n";
}

std::string processes(const shm::Seen& seen) {
  std::string text = "processes: " + std::to_string(seen.processes.size()) + "\n";
  for (const shm::SeenProcess& process : seen.processes) {
    text += "  " + std::to_string(process.pid) + " " +
            (process.title.empty() ? "(no name)" : process.title);
    if (!process.parent.nobody()) text += ", child of " + shm::person(process.parent);
    text += process.dead ? ", has ended\n" : "\n";
    for (const shm::SeenSleeper& sleeper : seen.sleepers) {
      if (sleeper.name == process.name) text += sleep_of(seen, sleeper);
    }
  }
  return text;
}

std::string objects(const shm::Seen& seen) {
  std::string text = "objects: " + std::to_string(seen.objects.size()) + "\n";
  std::map<std::string, std::vector<const shm::SeenObject*>> by_kind;
  for (const shm::SeenObject& object : seen.objects) by_kind[object.kind].push_back(&object);
  for (const auto& [kind, members] : by_kind) {
    for (const shm::SeenObject* object : members) {
      text += "  " + kind + " " + number_of(object->id);
      if (!object->text.empty()) text += ": " + object->text;
      if (!object->waiting.empty()) text += "\n      waiting: " + people(object->waiting);
      text += "\n";
    }
  }
  return text;
}

}  // namespace

void dump_state(std::ostream& out) {
  const shm::Seen seen = shm::inspect();
  const shm::ArenaHeader& header = shm::arena().header();
  std::string text = "multiprocessing: state of a family of processes\n";
  text += processes(seen) + objects(seen);
  text += "memory: " + megabytes(shm::arena().allocated_bytes()) + " of at most " +
          megabytes(header.limit) +
          "; deaths so far: " + std::to_string(header.deaths.load(std::memory_order_relaxed)) +
          "\n";
  out << text << std::flush;  // in one piece
}

}  // namespace multiprocessing
