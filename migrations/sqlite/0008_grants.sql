-- Who holds an entitlement, or is about to: asked before anybody decides for a group.

create index bindings_entitlement on bindings (entitlement_id);
