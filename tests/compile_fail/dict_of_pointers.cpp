// Through a Manager: the message is no longer for it.

#include <multiprocessing/managers.hpp>

#include <string>

struct Player {
  std::string name;
  Player* next;
};

int main() {
  const multiprocessing::Manager manager;
  const auto players = manager.dict<std::string, Player>();
  return static_cast<int>(players.size());
}
