-- forget_project(lease, projects; project) -> 1 forgotten, or was not known | 0 the node is alive
--
-- A node that comes back writes its sessions again; what it has noted by then must stand.
--
-- KEYS[1]  {node}:lease     string, there while the node is alive
-- KEYS[2]  {node}:projects  set of project ids
-- ARGV[1]  project          its id

if redis.call('EXISTS', KEYS[1]) == 1 then
  return 0
end
redis.call('SREM', KEYS[2], ARGV[1])
return 1
