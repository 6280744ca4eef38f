process.once('message', () => {
  process.send({ kind: 'refused', problems: [{ code: 'FLEET_EMPTY', message: 'answered' }] })
  process.on('message', () => {
    for (;;);
  })
})
