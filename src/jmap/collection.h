// The standard methods of data types whose objects are JSON in a collection of the account (objects/objects.h).
#pragma once

#include "jmap/standard.h"
#include "objects/objects.h"

namespace pabal::jmap {

struct Type {
  objects::Kind kind;
  std::string letter;                // ids are it and a number
  std::set<std::string> properties;  // "id" with them; none: any is taken
};

std::string object_id(const Type& type, objects::ObjectId id);
std::optional<objects::ObjectId> object_number(const Type& type, std::string_view id);
std::string state_of(objects::ModSeq modseq);

// What is stored as the client sees it, without the id.
using Shape = std::function<json::object(const objects::Object&, json::object stored)>;
Answer get_objects(Call& call, const Type& type, const Shape& shape);
Answer object_changes(Call& call, const Type& type);

// A member that is a string; "": there is no such.
std::string text_of(const json::object& object, std::string_view name);

struct Querying {
  Type type;
  Shape shape;
  std::set<std::string> sortable;
  // Of one condition: whether it is one. Nothing: it is.
  std::function<std::optional<Failure>(const json::object& condition)> check;
  // `object`: as shaped, with its id.
  std::function<bool(const json::object& object, const json::object& condition)> matches;
  // What is sorted by; equal ones stand in the order of their making.
  std::function<std::string(const json::object& object, const std::string& property)> key;
};
Answer query_objects(Call& call, const Querying& how, bool changes);

// A /set of such objects. What it stores is JSON.
class CollectionSetter : public Setter {
 public:
  CollectionSetter(Call& call, Type type) : call_(call), type_(std::move(type)) {}
  Result<std::string> state(const store::Reader& r) override;
  Or<json::object> create(store::Transaction& t, const std::string& creation, const json::object& object) override;
  Or<json::object> update(store::Transaction& t, const std::string& id, const json::object& patch) override;
  std::optional<Failure> destroy(store::Transaction& t, const std::string& id) override;

 protected:
  // The object to store in place of `before` (null: it is new), without id; or what is wrong with it.
  virtual Or<json::object> checked(store::Transaction& t, const json::object* before, json::object wanted) = 0;
  // What a client has to be told of a new one besides its id.
  virtual json::object told(const json::object& stored) const {
    static_cast<void>(stored);
    return {};
  }
  // Before it goes: what hinders that. May write.
  virtual std::optional<Failure> leaving(store::Transaction& t, objects::ObjectId id, const json::object& stored) {
    static_cast<void>(t), static_cast<void>(id), static_cast<void>(stored);
    return {};
  }
  mailbox::AccountId account() const { return call_.account().id; }

  Call& call_;
  const Type type_;
};

// The stored JSON; an empty object where it is damaged.
json::object stored_json(const objects::Object& object);

}  // namespace pabal::jmap
