process.on('message', () => {
  throw new Error('a broken invariant')
})
