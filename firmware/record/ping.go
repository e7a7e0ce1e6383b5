package record

import "context"

// Ping proves that the database can be written, by taking the lock that every
// writing takes and giving it back. It waits for writings under way.
func (s *Store) Ping(ctx context.Context) error {
	tx, err := s.writer.BeginTx(ctx, nil)
	if err != nil {
		return s.explain(err)
	}
	return s.explain(tx.Rollback())
}
